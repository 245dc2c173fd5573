"""An exported file by itself: its contract, its runtime, its checks; no run and no model."""
