"""Script: what happens when, and how it went; the one room that wires the others together."""
