"""Scoring servers as real processes, and clients that speak with them."""
