"""The other ways in which an edit reaches pods, and what they need."""
