"""A deployment on this machine without a cluster, whatever runs its server."""
