"""The build context of the other ways: a usual Dockerfile, with rarely changed steps first."""

import json
import shutil
from pathlib import Path
from typing import Any

from updating.project import Wanted, script, write_model
from updating.site import run

_MODELS = "/var/azureml-app/azureml-models/bench/1"
# The folder of packages that are added later, which a running container may write, too.
ADDED = "/opt/added"
PIP_WHEEL = "pip-*.whl"


def pip_inside(folder: str) -> str:
    """The shell command for the pip in a wheel in the folder, without a pattern, which cannot match inside a file."""
    return f"/opt/env/bin/python $(echo {folder}/{PIP_WHEEL})/pip"


class Context:
    """A folder for `docker build`, on top of the image `base`; `config` is that of our own image."""

    def __init__(self, folder: Path, base: str, config: Any, wheels: Path) -> None:
        self.folder, self._base, self._config, self._wheels = folder, base, config, wheels
        self.app = str(config["WorkingDir"])
        self.entry: list[str] = config["Entrypoint"]

    def write(self, wanted: Wanted, wrapper: str = "") -> None:
        """Write all files."""
        (self.folder / "wheels").mkdir(parents=True)
        (self.folder / "wheels" / "README").write_text("Packages that the environment has not.\n")  # never empty
        for pip in self._wheels.glob(PIP_WHEEL):
            shutil.copy(pip, self.folder)
        write_model(self.folder / "model", wanted)
        (self.folder / "wrapper.py").write_text(wrapper)
        (self.folder / "Dockerfile").write_text(self._dockerfile())
        self.save(Wanted(code=0), wanted)

    def prepare(self, before: Wanted, wanted: Wanted) -> None:
        """Write the model that a training would have left."""
        if wanted.model != before.model:
            write_model(self.folder.with_name(f"{self.folder.name}-model"), wanted)

    def save(self, before: Wanted, wanted: Wanted) -> list[Path]:
        """Write the edit; return the changed paths."""
        saved = []
        if wanted.code != before.code:
            saved.append(self.folder / "score.py")
            saved[-1].write_text(script(wanted))
        if wanted.model != before.model and (new := self.folder.with_name(f"{self.folder.name}-model")).exists():
            shutil.rmtree(self.folder / "model")
            saved.append(new.rename(self.folder / "model"))
        for package in wanted.requirements[before.packages :]:
            (wheel,) = self._wheels.glob(f"{package.replace('==', '-')}-*.whl")
            saved.append(Path(shutil.copy(wheel, self.folder / "wheels")))
        return saved

    def inside(self, path: Path) -> str:
        """The path in the container for a path in the folder."""
        name = path.relative_to(self.folder).as_posix()
        return f"{_MODELS}/{name}" if name.startswith("model") else f"{self.app}/{name}"

    def build(self, tag: str) -> None:
        run("docker", "build", "--quiet", "--tag", tag, str(self.folder))

    def _dockerfile(self) -> str:
        variables = [pair for pair in self._config["Env"] if pair.startswith(("AML_", "AZUREML_ENTRY"))]
        user = self._config["User"]
        install = f"{pip_inside('/opt')} install --quiet --no-index --no-deps --target {ADDED} /opt/wheels/*.whl"
        return "\n".join(
            [
                f"FROM {self._base}",
                *(f"ENV {pair}" for pair in variables),
                f"ENV AZUREML_MODEL_DIR={_MODELS}",
                f"WORKDIR {self.app}",
                f"RUN mkdir -p {ADDED} {_MODELS}/model && chown -R {user} {ADDED} {_MODELS} {self.app}"
                f" && echo {ADDED} > $(echo /opt/env/lib/python3*/site-packages)/added.pth",
                f"COPY {PIP_WHEEL} wrapper.py /opt/",
                "COPY wheels /opt/wheels",
                f"RUN if ls /opt/wheels/*.whl; then {install}; fi",
                f"COPY --chown={user} model {_MODELS}/model",
                f"COPY --chown={user} score.py {self.app}/",
                f"USER {user}",
                f"ENTRYPOINT {json.dumps(self.entry)}",
            ]
        )
