"""``python -m instancecap`` is the program ``instancecap``."""

from instancecap.cli.main import main

main()
