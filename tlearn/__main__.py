"""`python -m tlearn`."""

from tlearn.cli.app import main

main()
