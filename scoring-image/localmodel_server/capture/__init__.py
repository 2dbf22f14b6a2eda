"""Keeps requests and their answers in a folder, without making any request wait."""
