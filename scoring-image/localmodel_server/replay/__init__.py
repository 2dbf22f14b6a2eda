"""Captured requests, which a revision must answer as the one before it did before it serves."""
