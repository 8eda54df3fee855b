"""Recorded series of real cities, one file a format; each reader gives the same columns and says where a file is wrong."""
