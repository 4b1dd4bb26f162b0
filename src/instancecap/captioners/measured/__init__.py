"""Captions from measurements alone."""
