"""What users import from localmodel: clients, deployments, and how values become requests."""
