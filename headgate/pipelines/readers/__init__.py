"""Readers: each turns one stored file into a lazy frame of its good records and a log of its bad ones."""
