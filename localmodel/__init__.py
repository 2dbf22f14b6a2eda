"""Take a trained model and a scoring script to a running endpoint, and keep changing it there."""

__version__ = "0.1.0"
