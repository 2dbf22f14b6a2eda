"""The operator: makes the cluster serve what each LocalModelDeployment asks for."""
