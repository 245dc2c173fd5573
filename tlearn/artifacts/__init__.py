"""An exported file by itself: no run, no model, and for a LiteRT file no TensorFlow.

Takes the path of an artifact and gives its contract, its interface, the probabilities it answers
with, and what verification and benchmark on this machine found.
"""
