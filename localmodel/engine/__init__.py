"""Everything that talks to Docker: building environments, reading their layers, containers, kind's nodes.

The Docker SDK is an extra (`localmodel[docker]`): import this package only where an engine is wanted, and see
client.require() for what the user is told without it.
"""
