"""Captioners: from Evidence to a Caption."""
