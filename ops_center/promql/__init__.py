"""PromQL: text to tree, tree to numbers; knows the series store, nothing of alerts, sockets or clocks."""
