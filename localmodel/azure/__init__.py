"""Azure ML's SDK v1, as far as its local deployments go: change `azureml` into `localmodel.azure` in the imports.

What differs on purpose is listed in docs/azure-compatibility.md.
"""
