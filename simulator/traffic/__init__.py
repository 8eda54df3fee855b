"""Traffic: a cell-transmission model of all links of a city, with signals, demand, routing, incidents and sites to read."""
