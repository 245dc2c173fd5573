"""Measurements of tlearn that take real data, weights and hours; README.md lists them."""
