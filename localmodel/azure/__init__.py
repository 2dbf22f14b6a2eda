"""Azure ML's SDKs, as far as local deployments go, under their own names.

v1: change `azureml` into `localmodel.azure` in the imports. v2: change `azure` into `localmodel.azure`, which gives
`localmodel.azure.ai.ml`. What differs on purpose is listed in docs/azure-compatibility.md.
"""
