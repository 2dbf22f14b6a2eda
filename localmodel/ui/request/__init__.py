"""The request to a deployment: a form for it, the same as code, and the answer."""
