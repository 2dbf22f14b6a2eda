"""The files of Azure ML's second command line and SDK (v2)."""
