"""Where the bytes of lmd's folder are, and what of them nobody needs any more."""
