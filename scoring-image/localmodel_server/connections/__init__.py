"""Connections: sockets, heads, who may call, and limits of what a client may hold."""
