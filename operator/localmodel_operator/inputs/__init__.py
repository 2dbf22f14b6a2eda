"""What a spec names, looked up: models, code, ConfigMaps, ports; and which edits concern whom."""
