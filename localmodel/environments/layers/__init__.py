"""Makes the layers of an environment from wheels, without running anything of the packages or of the base image."""
