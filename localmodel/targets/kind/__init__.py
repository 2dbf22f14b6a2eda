"""A deployment on a cluster: kubectl applies, the operator does the work."""
