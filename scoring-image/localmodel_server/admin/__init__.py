"""Calls of the operator: a revision that it sends takes the place of the one that serves, in two steps."""
