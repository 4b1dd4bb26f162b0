"""Claims of a caption, held against evidence; :mod:`instancecap.verify.report` is the door."""
