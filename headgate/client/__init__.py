"""A thin client of Headgate's API, for scripts and programs."""
