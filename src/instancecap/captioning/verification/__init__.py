"""Claims of a caption, held against evidence; :mod:`instancecap.captioning.verify` is the door."""
