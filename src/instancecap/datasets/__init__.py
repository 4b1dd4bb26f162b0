"""Captions as a dataset: read from files and tables, counted, filtered, exported."""
