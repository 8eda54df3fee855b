"""The built-in cities and where they are found by name."""
