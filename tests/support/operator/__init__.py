"""The operator against an API server of plain objects, and what is judged of it."""
