"""``python -m vulneuron``; Python looks for this module."""

from vulneuron.cli import main

main()
