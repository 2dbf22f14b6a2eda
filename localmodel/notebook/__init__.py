"""What a notebook shows of values and of work."""
