"""Names in the engine that must never change between releases: the environment images' repository, and labels."""

GROUP = "localmodel.dev"
# Not a host that exists: nobody ever pulls these images, and the name tells whose they are.
ENVIRONMENT_REPOSITORY = f"{GROUP}/environment"
STORE_LABEL = f"{GROUP}/store"
# On the stage of a build that no other environment can use: see scoring-image/Dockerfile.
STAGE_LABEL = f"{GROUP}/stage=environment"
DEPLOYMENT_LABEL = f"{GROUP}/deployment"
# On a container: the key of the environment whose image it runs.
ENVIRONMENT_LABEL = f"{GROUP}/environment"
# On an environment image: what all those have in common that can be made from each other; its packages; its changes.
FAMILY_LABEL = f"{GROUP}/family"
PACKAGES_LABEL = f"{GROUP}/packages"
CHANGES_LABEL = f"{GROUP}/changes"
# On a container that becomes an environment image, and on the one that has its tools: the key of that environment.
CHANGE_LABEL = f"{GROUP}/change"
