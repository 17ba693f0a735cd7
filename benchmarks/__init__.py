"""Measures Headgate against named references, in the same run: `make bench`."""
