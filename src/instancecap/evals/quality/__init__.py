"""Flags of captions that need no judge, over sets of any size."""
