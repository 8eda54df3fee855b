"""Observation: what a device can see and do, and how badly. Reads the simulator; never judges."""
