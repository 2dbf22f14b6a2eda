"""Names in the engine that must never change between releases: the repository of environment images, and labels."""

GROUP = "localmodel.dev"
# This host does not exist, because these images are never pulled; the name says whose they are.
ENVIRONMENT_REPOSITORY = f"{GROUP}/environment"
STORE_LABEL = f"{GROUP}/store"
# On the build stage that other environments cannot use, see scoring-image/Dockerfile.
STAGE_LABEL = f"{GROUP}/stage=environment"
DEPLOYMENT_LABEL = f"{GROUP}/deployment"
# On a container: the key of the environment whose image it runs.
ENVIRONMENT_LABEL = f"{GROUP}/environment"
# On an environment image: its family (see change.py), its packages, its changes.
FAMILY_LABEL = f"{GROUP}/family"
PACKAGES_LABEL = f"{GROUP}/packages"
CHANGES_LABEL = f"{GROUP}/changes"
# On a container that becomes an environment image, and on the one with its tools: the environment's key.
CHANGE_LABEL = f"{GROUP}/change"
