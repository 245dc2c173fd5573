"""The command line: reads flags and prints results; every decision is made elsewhere."""
