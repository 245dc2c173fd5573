"""Training: takes a plan and a dataset, gives a model with trained weights and a history."""
