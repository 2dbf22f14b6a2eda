"""Reads the folders of models that MLflow saves."""
