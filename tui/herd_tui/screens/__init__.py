"""Screens: they call the core, in threads of a few lines where it takes time."""
