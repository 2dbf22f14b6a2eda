"""Looks up what a spec names (models, code, ConfigMaps, ports), and which edits concern which resource."""
