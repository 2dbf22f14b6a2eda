"""Children that only some specs have, as plain values."""
