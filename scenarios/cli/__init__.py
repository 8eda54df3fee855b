"""The command line: reads arguments, calls one function, prints its result. Holds no logic of its own."""
