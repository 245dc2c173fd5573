"""Advice: takes what was measured on a folder, gives a policy with forecasts and reasons."""
