"""The files of Azure ML's first SDK (v1)."""
