"""Deployments as files for systems that run without this project: Kubernetes, KServe, Compose, Triton."""
