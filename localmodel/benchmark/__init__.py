"""Measures how many requests a deployment answers, and how quickly."""
