"""Names of Azure ML's packages in scripts, with and without these packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import localmodel_worker

WORKER = Path(localmodel_worker.__file__).parent.parent
INSTALL = "from localmodel_worker.aml import legacy_imports; legacy_imports.install(); legacy_imports.install()\n"


def run(code: str, packages: Path, *modules: str) -> str:
    """What the code prints, with the modules (``a/b.py``) lying in packages."""
    for module in modules:
        (packages / module).parent.mkdir(parents=True, exist_ok=True)
        (packages / module).write_text(f"NAME = {module!r}\n")
    path = os.pathsep.join([str(WORKER), str(packages)])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    # -S: without the packages of the interpreter that runs the tests.
    process = subprocess.run(
        [sys.executable, "-S", "-c", INSTALL + code], env=environment, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def test_the_imports_of_the_documentation(tmp_path: Path) -> None:
    code = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse
import azureml_inference_server_http.api.aml_request as request
import azureml_inference_server_http.api.aml_response as response
import azureml.contrib.services
assert request.AMLRequest is AMLRequest and request.rawhttp is rawhttp and response.AMLResponse is AMLResponse
assert azureml.contrib.services.aml_request.AMLRequest is AMLRequest
from localmodel_worker.aml.aml_request import AMLRequest as ours
from localmodel_worker.aml.aml_response import AMLResponse as our_response
print(AMLRequest is ours and AMLResponse is our_response)
"""
    assert run(code, tmp_path) == "True"


def test_nothing_is_imported_before_it_is_asked_for(tmp_path: Path) -> None:
    code = "import sys; print([name for name in sys.modules if 'azureml' in name or 'aml_' in name])"
    assert run(code, tmp_path) == "[]"


def test_what_is_not_installed_is_still_missing(tmp_path: Path) -> None:
    code = """
import azureml.contrib.services
for name in ("azureml.core", "azureml.contrib.other", "azureml.contrib.services.other", "other"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        print(error.name)
"""
    assert run(code, tmp_path).split() == [
        "azureml.core",
        "azureml.contrib.other",
        "azureml.contrib.services.other",
        "other",
    ]


def test_real_packages_keep_their_other_modules(tmp_path: Path) -> None:
    code = """
import azureml.core, azureml.contrib.services.other, azureml_inference_server_http
import azureml.contrib.services.aml_request as request, azureml_inference_server_http.api.aml_response as response
print(azureml.core.NAME, azureml.contrib.services.other.NAME, azureml_inference_server_http.NAME)
print(request.__name__, hasattr(request, "NAME"), hasattr(response, "AMLResponse"))
"""
    real = ["azureml/core/__init__.py", "azureml/__init__.py", "azureml_inference_server_http/__init__.py"]
    services = "azureml/contrib/services/"
    real += [services + name for name in ("__init__.py", "aml_request.py", "aml_response.py", "other.py")]
    first, second = run(code, tmp_path, *real).splitlines()
    assert first.split() == [real[0], services + "other.py", real[2]]
    assert second.split() == ["azureml.contrib.services.aml_request", "False", "True"]


def test_a_real_package_without_the_services(tmp_path: Path) -> None:
    for number, real in enumerate((["azureml/core.py"], ["azureml/core.py", "azureml/__init__.py"])):
        code = "import azureml.contrib.services.aml_request, azureml.core; print(azureml.core.NAME)"
        assert run(code, tmp_path / str(number), *real) == "azureml/core.py"
