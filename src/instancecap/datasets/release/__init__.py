"""A set of captions made ready to be published, and two versions of one compared."""
