"""Profiles: what the values of a table are like."""
