"""Sinks: where good rows are written."""
