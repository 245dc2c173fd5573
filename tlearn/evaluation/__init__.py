"""Probabilities on held-out images in; scores, tables, figures and one HTML page out."""
