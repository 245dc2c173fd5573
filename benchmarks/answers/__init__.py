"""How good the answers of a run are: what a map shows, what a probability is worth."""
