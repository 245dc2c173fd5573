"""Image folders.

Takes a folder of images and gives its classes and files, what is wrong with them, the split into
train, val and test, pixels decoded to one size, samples of rows, and augmented views.
"""
