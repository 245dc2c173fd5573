"""One module a command: the only place that wires the rooms together."""
