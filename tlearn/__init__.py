"""Transfer learning on a folder of images: measured advice, fast training, verified exports."""
