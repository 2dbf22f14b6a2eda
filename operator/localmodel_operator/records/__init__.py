"""What the operator writes down in the cluster to read it again: revisions, and which of them is to serve."""
