"""Recipes and plans: takes what a person asked for, gives a plan with every value resolved."""
