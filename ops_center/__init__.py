"""Judgement: what matters, who knows, what was done. Knows the city only through `sensors.messages`."""
