"""uv's own lock of a project as an environment: uv reads it, without a network."""

import subprocess
from pathlib import Path

from support.package_index import make_wheel
from uv import find_uv_bin

from localmodel.environments.formats import files


def test_the_versions_that_uv_has_locked_without_those_for_development(tmp_path: Path) -> None:
    wheels, folder = tmp_path / "wheels", tmp_path / "churn"
    for name, version in (("lm_alpha", "1.0"), ("lm_alpha", "2.0"), ("lm_beta", "1.0"), ("lm_dev", "1.0")):
        make_wheel(wheels, name, version)
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "churn"\nversion = "1"\nrequires-python = ">=3.9"\n'
        'dependencies = ["lm-alpha<2", "lm-beta; python_version < \'3.11\'"]\n[dependency-groups]\ndev = ["lm-dev"]\n'
    )
    options = ["--offline", "--no-index", "--find-links", str(wheels), "--project", str(folder)]
    subprocess.run([find_uv_bin(), "lock", *options], check=True, capture_output=True)
    found = files.read_packages(folder / "uv.lock", None, "3.11").spec
    assert found.requirements == ("lm-alpha==1.0", "lm-beta==1.0 ; python_full_version < '3.11'")
