"""Benchmarks: what is fast and how its cost grows. The only room for stopwatches beside the outermost shell."""
