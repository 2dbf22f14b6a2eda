"""The page in a browser: what is deployed, a form to try it, and the store."""
