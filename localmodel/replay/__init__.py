"""Captured requests, asked again: which answers differ, and by how much."""
