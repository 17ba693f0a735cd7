"""Checks: the rules that rows must keep, each kind in a file of its own."""
