"""The operator's records in a cluster, which it and the kind client read: names, revisions, the decision."""
