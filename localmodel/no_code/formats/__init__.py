"""Reads the files of models, a module for each kind, and never runs what they hold."""
