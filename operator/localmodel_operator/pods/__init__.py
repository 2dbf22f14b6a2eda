"""Pods and their servers: what they report, and the signed calls to them."""
