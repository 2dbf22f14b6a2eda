"""Resolves requirements to a lock, with uv."""
