"""Endpoints: outside systems that jobs read from and write to, a file for each kind."""
