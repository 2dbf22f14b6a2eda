"""The ways in which an edit reaches pods on kind: ours and others, each in its own file."""
