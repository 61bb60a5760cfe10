"""The table of faults (docs/faults.md): what goes wrong, what becomes of it, what is told."""
