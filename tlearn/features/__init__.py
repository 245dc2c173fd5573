"""A backbone and pictures in; stored features and a solved head out: the frozen part, once."""
