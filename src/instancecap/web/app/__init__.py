"""The browser app: caption, review, enhance and compare on one machine."""
