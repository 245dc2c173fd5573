"""A folder of pictures in; checked pixels, splits and augmented views out."""
