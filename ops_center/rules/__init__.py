"""Prometheus rule files, alert states, group evaluation and rule unit tests; no I/O beyond reading named files."""
