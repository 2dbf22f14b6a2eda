"""Commands on the store."""
