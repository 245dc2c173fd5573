"""Probabilities on held-out pictures in; a report out."""
