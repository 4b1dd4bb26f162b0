"""Experts that somebody chooses by name, in place of the small ones of the embedded default."""
