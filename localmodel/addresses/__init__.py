"""Fetches models from where their addresses say: a module for each kind of place, and `readers.py` names them all."""
