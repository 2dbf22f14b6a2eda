"""Preparing a revision: its environment, image and record, and the pods that can take it while they serve."""
