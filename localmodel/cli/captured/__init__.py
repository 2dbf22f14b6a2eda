"""Commands that work on captured requests."""
