"""The resource LocalModelDeployment: its schema and rules, its spec as plain values, manifests."""
