"""What every room shows to a person: progress, how long something takes, and texts that are safe to print."""
