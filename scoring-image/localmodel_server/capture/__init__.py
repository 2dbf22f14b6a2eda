"""Keeps requests and their answers in a folder, off the way that a request takes."""
