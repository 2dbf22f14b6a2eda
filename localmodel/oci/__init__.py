"""Layers and image layouts of the OCI image specification."""
