"""Processes that are forked into workers, and when that is safe."""
