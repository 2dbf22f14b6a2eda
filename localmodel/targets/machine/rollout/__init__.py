"""From what an apply wants to a server that serves it: the decision, loading, and the way back."""
