"""The terminal app of herd."""
