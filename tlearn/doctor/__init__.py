"""What is wrong with an image folder: takes arrays and facts of its images, gives findings."""
