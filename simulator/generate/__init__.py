"""Making cities: from a spec and a seed, or from streets drawn by hand or read from a map, to a whole city file."""
