"""What a training leaves behind: the directory of a run, read back by every later command."""
