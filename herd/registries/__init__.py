"""Registries of other people: added, updated, checked, made, converted from other catalogs."""
