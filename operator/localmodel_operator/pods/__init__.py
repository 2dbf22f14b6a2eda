"""Pods and their servers: what they say of themselves, and the signed calls to them."""
