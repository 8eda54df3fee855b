"""One file per sensor kind, each with one frozen description named KIND; kinds do not import each other."""
