"""What an answer is worth: calibrated probabilities, images unlike any class, sets of answers."""
