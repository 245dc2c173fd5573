"""Take the name of a pretrained backbone, and give its network, its stages and a classifier."""
