"""Claims of a caption, held against evidence; :mod:`instancecap.verify.check` is the entry."""
