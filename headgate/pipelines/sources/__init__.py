"""Sources: what a job can read, a file for each kind."""
