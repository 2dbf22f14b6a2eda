"""Names in the engine that must never change between releases: the repository of environment images, and labels."""

GROUP = "localmodel.dev"
# This host does not exist, because these images are never pulled; the name says whose they are.
ENVIRONMENT_REPOSITORY = f"{GROUP}/environment"
STORE_LABEL = f"{GROUP}/store"
DEPLOYMENT_LABEL = f"{GROUP}/deployment"
# On a container: the key of the environment whose image it runs.
ENVIRONMENT_LABEL = f"{GROUP}/environment"
# On a container that is only read.
READ_LABEL = f"{GROUP}/change"
