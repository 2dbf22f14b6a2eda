"""The package `azure.ai`."""
