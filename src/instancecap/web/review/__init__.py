"""Review: captions of a set looked at, edited and judged by people, one after the other."""
