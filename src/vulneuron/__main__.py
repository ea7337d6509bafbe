"""``python -m vulneuron``."""

from vulneuron.cli import main

main()
