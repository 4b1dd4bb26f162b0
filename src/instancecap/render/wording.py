"""Other wordings of the same facts."""
