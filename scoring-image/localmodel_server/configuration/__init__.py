"""Settings: variables, the config file, threads."""
