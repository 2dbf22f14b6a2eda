"""Builds virtual environments from locks."""
