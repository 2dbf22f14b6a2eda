"""The demo: a model that is trained, served, asked, and edited while it serves."""
