"""How an edit reaches pods on kind: our way, and others, each in a file of its own."""
