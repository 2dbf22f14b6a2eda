"""HTTP: sockets, connections, heads, routes, and the two roads of /score."""
