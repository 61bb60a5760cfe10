"""Widgets: they get values and post messages; none of them calls the core."""
