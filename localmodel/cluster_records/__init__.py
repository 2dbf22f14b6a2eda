"""What the operator writes into a cluster, and it and the kind client read: names, revisions, and the decision."""
