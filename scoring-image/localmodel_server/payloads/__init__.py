"""Pure functions from a request's body to a call of the script, and back, shared by the dialects."""
