"""`cityops rules`: one file a command."""
