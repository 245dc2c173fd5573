"""Words for a person; every decision is made elsewhere."""
