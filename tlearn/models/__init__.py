"""A name from the garden in; a backbone with stages and cuts, and a classifier, out."""
