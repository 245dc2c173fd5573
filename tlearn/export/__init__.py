"""A trained classifier in; files for a device, each checked against the model, out."""
