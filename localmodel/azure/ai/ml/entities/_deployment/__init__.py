"""Deployments and their settings."""
