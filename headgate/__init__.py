"""Headgate: the gate through which data gets in."""

__version__ = "0.3.0.dev0"
