"""What decoding a body costs, and the process that does it where it would hold other requests up."""
