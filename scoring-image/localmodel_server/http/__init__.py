"""HTTP: routes, and the two roads of `/score`."""
