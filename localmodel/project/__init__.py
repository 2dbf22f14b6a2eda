"""From a PATH, its lmd.toml, options, and what was applied before, to what a target applies."""
