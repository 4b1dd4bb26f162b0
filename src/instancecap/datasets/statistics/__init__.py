"""What a set of captions holds, counted: tables, plots and a page."""
