"""Generators of broken inputs: `cases(rng, workshop)` yields fixed ones, then draws for ever."""
