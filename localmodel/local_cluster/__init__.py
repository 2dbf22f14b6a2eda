"""A kind cluster on this machine, and the operator beside it."""
