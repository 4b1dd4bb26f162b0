"""The version of this package, which captions, caches and ledgers name."""

__version__ = "0.1.0"
