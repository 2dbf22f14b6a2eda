"""Builds an environment here, and prints its output as Azure ML does."""

from dataclasses import dataclass

from localmodel.environments import here
from localmodel.resource.spec import EnvironmentSpec
from localmodel.sdk.progress import reporter


@dataclass(frozen=True)
class ImageBuildDetails:
    """A build that is done."""

    image: str
    status: str = "Succeeded"

    def wait_for_completion(self, show_output: bool = True) -> None:
        """Nothing is left to wait for."""
        if show_output:
            print(f"image {self.image}")


def build_local(spec: EnvironmentSpec, as_image: bool) -> str:
    """Path of the Python of a virtual environment, or an image's name. Raises UserError."""
    progress = reporter(True)
    if not as_image:
        return str(here.interpreter(spec, progress))
    from localmodel.engine import build_here  # the Docker SDK is an extra

    return build_here.image(spec, progress)
