"""The operator's records in the cluster: revisions, and the decision on which of them serves."""
