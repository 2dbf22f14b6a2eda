"""Which edit, and which part of it, changed an answer."""
