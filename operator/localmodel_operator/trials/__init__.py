"""Trials of a new revision on clients' requests: how far one is, what was counted, and what follows from it."""
