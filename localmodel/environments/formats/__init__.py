"""The files that describe environments: conda, pip, Dockerfiles, Azure ML's."""
