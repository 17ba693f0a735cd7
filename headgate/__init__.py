"""Headgate: the gate through which data gets in."""

__version__ = "0.1.0"
