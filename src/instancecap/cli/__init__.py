"""The command line: one file per verb; the work is done by the other packages."""
