"""Truth: what is really happening in the city. Knows nothing of sensors, operators or scenarios."""
