"""Reads and writes Azure ML's deployment files: v1's --ic and --dc, v2's online deployments.

All functions work on plain values, except `gather` and `collect`, which use files and the store.
"""
