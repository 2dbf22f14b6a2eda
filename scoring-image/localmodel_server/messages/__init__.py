"""What goes between HTTP and the workers: bodies and what they may cost, calls, outcomes."""
