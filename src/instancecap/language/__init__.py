"""Words for the values of the schema: one phrase table per language, ``en`` and ``zh``."""
