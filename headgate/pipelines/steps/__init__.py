"""Steps: what changes the rows of a source on their way, a file for each kind."""
