"""Azure ML's deployment files, read and written: v1's --ic and --dc, v2's online deployments.

Nothing here runs anything: values in, values out. Files, the store and targets are touched by `gather` and `collect`.
"""
