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
