"""From requirements to a lock, with uv."""
