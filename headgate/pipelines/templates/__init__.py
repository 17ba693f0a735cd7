"""Templates: whole specs under a name, a file each."""
