"""A plan and its inputs in; trained weights and a history out."""
