"""What was asked in; a plan without a single `auto` out."""
