"""What the store takes in from addresses and Git repositories."""
