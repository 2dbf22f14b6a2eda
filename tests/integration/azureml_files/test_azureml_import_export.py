"""Azure ML's deployment files in and out: what the commands write, say and refuse."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from sklearn.linear_model import LinearRegression
from support.lmd_command import PYTHON, Lmd, script

from localmodel.cli.app import main
from localmodel.resource import manifest
from localmodel.resource.manifest import Manifests
from localmodel.resource.spec import parse
from localmodel.store import Store
from localmodel.updates import served_spec

SCRIPT = "def init():\n    pass\n\n\ndef run(raw_data):\n    return []\n"
CONDA = """\
name: iris
channels: [conda-forge]
dependencies:
  - python=3.12
  - numpy=2.4
  - pip:
    - scikit-learn==1.9.1
    - azureml-defaults
"""
V2 = """\
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: blue
endpoint_name: iris
model:
  path: model.pkl
code_configuration:
  code: src
  scoring_script: score.py
environment:
  image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest
  conda_file: conda.yml
instance_type: Standard_DS3_v2
instance_count: 1
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store of the commands; they run in the test's folder."""
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Store(tmp_path / "home" / "store")


def given_files(**contents: str) -> None:
    """Files in the current folder, by path with "__" for "/" and "_" for the last dot."""
    for name, content in contents.items():
        path = Path(name.replace("__", "/").replace("_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def import_azureml(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["import", "azureml", *arguments])


def export_azureml(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["export", "azureml", *arguments])


def imported(place: str) -> Manifests:
    return manifest.read(Path(place))


def test_a_v2_deployment_becomes_a_folder_that_can_be_applied(store: Store) -> None:
    given_files(blue_yml=V2, src__score_py=SCRIPT, src__util_py="A = 1\n", conda_yml=CONDA, model_pkl="weights")
    result = import_azureml("blue.yml")
    assert result.exit_code == 0, result.output
    assert result.stdout == "iris: written; lmd apply -k iris makes it serve\n"
    for said in (
        "kept in the store: model iris:1 (model.pkl)",
        "blue.yml:12: instance_type: ",
        "azureml-defaults: left",
    ):
        assert said in result.stderr
    assert sorted(path.name for path in Path("iris").iterdir()) == [
        *("deployment.yaml", "kustomization.yaml", "kustomizeconfig.yaml", "score.py", "util.py"),
    ]
    found = imported("iris")
    assert found.deployment["metadata"] == {"name": "iris"}
    spec = found.deployment["spec"]
    assert spec["models"] == [{"name": "iris", "version": 1}]
    assert spec["environment"] == {"python": "3.12", "requirements": ["numpy==2.4.*", "scikit-learn==1.9.1"]}
    assert found.config_maps == {"iris-score": {"score.py": SCRIPT.encode(), "util.py": b"A = 1\n"}}


def test_a_folder_that_is_there_is_not_written_over(store: Store) -> None:
    given_files(blue_yml=V2, src__score_py=SCRIPT, conda_yml=CONDA, model_pkl="weights", iris__mine_txt="mine")
    result = import_azureml("blue.yml")
    assert result.exit_code == 1 and "iris exists already" in result.stderr
    assert [path.name for path in Path("iris").iterdir()] == ["mine.txt"]
    assert import_azureml("blue.yml", "--overwrite").exit_code == 0
    assert import_azureml("blue.yml", "--output-dir", "other").exit_code == 0


def test_code_that_no_configmap_holds_is_kept_in_the_store(store: Store) -> None:
    given_files(blue_yml=V2, src__score_py=SCRIPT, src__package__util_py="", conda_yml=CONDA, model_pkl="weights")
    assert import_azureml("blue.yml").exit_code == 0
    assert sorted(path.name for path in Path("iris").iterdir()) == ["deployment.yaml", "kustomization.yaml"]
    assert imported("iris").deployment["spec"]["scoring"]["source"] == {"code": {"name": "iris", "version": 1}}
    assert sorted(store.code.files(store.code.get("iris"))) == ["package/util.py", "score.py"]


SCALED = """\
scale_settings:
  type: target_utilization
  min_instances: 2
  max_instances: 5
"""


@pytest.mark.parametrize(
    ("settings", "replicas", "noted"),
    [
        ("scale_settings: {type: default}\n", 1, []),
        (SCALED, 2, ["scale_settings.max_instances"]),
        (SCALED + "instance_count: 3\n", 3, ["scale_settings.max_instances"]),
    ],
)
def test_scale_settings_say_how_many_replicas_there_are(
    store: Store, settings: str, replicas: int, noted: list[str]
) -> None:
    text = V2.replace("instance_count: 1\n", "") + settings
    given_files(blue_yml=text, src__score_py=SCRIPT, conda_yml=CONDA, model_pkl="weights")
    result = import_azureml("blue.yml")
    assert result.exit_code == 0, result.stderr
    assert imported("iris").deployment["spec"]["replicas"] == replicas
    assert re.findall(r"scale_settings[.\w]*", result.stderr) == noted


MLFLOW_YML = """\
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: sklearn-deployment
endpoint_name: my-endpoint
model:
  name: mir-sample-sklearn-mlflow-model
  path: sklearn-diabetes/model
  type: mlflow_model
instance_type: Standard_DS3_v2
instance_count: 1
"""
MLMODEL = """\
flavors:
  sklearn: {pickled_model: model.pkl, serialization_format: pickle, sklearn_version: 1.5.2}
  python_function: {loader_module: mlflow.sklearn, model_path: model.pkl, python_version: 3.11.9}
"""


def test_an_mlflow_model_needs_no_script(store: Store) -> None:
    given_files(mlflow_yml=MLFLOW_YML, **{"sklearn-diabetes__model__MLmodel": MLMODEL})
    Path("sklearn-diabetes/model/model.pkl").write_bytes(
        pickle.dumps(LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]))
    )
    assert import_azureml("mlflow.yml").exit_code == 0
    spec = imported("my-endpoint").deployment["spec"]
    assert "scoring" not in spec
    assert spec["models"] == [{"name": "mir-sample-sklearn-mlflow-model", "version": 1}]
    assert served_spec.of(parse(spec), store).generated.startswith("generated for mlflow.sklearn (scikit-learn==")


def test_a_model_that_needs_a_script_is_refused_before_it_is_registered(store: Store) -> None:
    given_files(mlflow_yml=MLFLOW_YML.replace("sklearn-diabetes/model", "net.pt"), net_pt="weights")
    refused = import_azureml("mlflow.yml")
    assert refused.exit_code == 1 and "mlflow.yml:6: model.path: net.pt: " in refused.stderr
    assert not (store.root / "models").exists()


@pytest.mark.parametrize("name", ["kustomization.yml", "deployment.yaml", "data.bin"])
def test_files_that_cannot_stand_beside_a_manifest_are_kept_in_the_store(store: Store, name: str) -> None:
    given_files(blue_yml=V2, src__score_py=SCRIPT, conda_yml=CONDA, model_pkl="weights")
    Path("src", name).write_bytes(b"\xff")
    assert import_azureml("blue.yml").exit_code == 0
    assert store.code.files(store.code.get("iris"))[name] == b"\xff"
    assert sorted(path.name for path in Path("iris").iterdir()) == ["deployment.yaml", "kustomization.yaml"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("<ENDPOINT_NAME>", "<ENDPOINT_NAME> has a placeholder: write a name, or give --name"),
        ("my_iris", "lower-case letters, digits and '-'"),
    ],
)
def test_a_name_that_cannot_be_is_told_with_its_line_and_can_be_given(store: Store, name: str, said: str) -> None:
    given_files(
        blue_yml=V2.replace("endpoint_name: iris", f"endpoint_name: {name}"),
        src__score_py=SCRIPT,
        conda_yml=CONDA,
        model_pkl="weights",
    )
    result = import_azureml("blue.yml")
    assert result.exit_code == 1
    assert "blue.yml:3: endpoint_name: " in result.stderr and said in result.stderr and "--name" in result.stderr
    assert import_azureml("blue.yml", "--name", "iris").exit_code == 0


def test_references_are_looked_up_in_the_store(store: Store) -> None:
    text = V2.replace("model:\n  path: model.pkl", "model: azureml:roses@latest").replace("conda.yml", "env/conda.yml")
    given_files(blue_yml=text, src__score_py=SCRIPT, env__conda_yml=CONDA, model_pkl="weights")
    store.models.register("other", Path("model.pkl"))
    result = import_azureml("blue.yml")
    assert result.exit_code == 1
    assert "blue.yml:4: model: model roses is not in the store" in result.stderr
    assert "lmd model register PATH --name roses" in result.stderr
    store.models.register("roses", Path("model.pkl"))
    assert import_azureml("blue.yml").exit_code == 0
    assert imported("iris").deployment["spec"]["models"] == [{"name": "roses", "version": 1}]


def test_models_of_the_command_go_before_those_of_the_file(store: Store) -> None:
    given_files(blue_yml=V2, src__score_py=SCRIPT, conda_yml=CONDA, other_pkl="other")
    store.models.register("roses", Path("other.pkl"))
    assert import_azureml("blue.yml", "--model", "roses:1", "--model", "other.pkl", "--name", "both").exit_code == 0
    assert imported("both").deployment["spec"]["models"] == [
        {"name": "roses", "version": 1},
        {"name": "both-other", "version": 1},
    ]


def test_a_dockerfile_becomes_an_environment_of_the_store(store: Store) -> None:
    text = V2.replace(
        "  image: mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest\n  conda_file: conda.yml\n",
        "  build: {path: docker}\n",
    )
    given_files(blue_yml=text, src__score_py=SCRIPT, model_pkl="weights")
    Path("docker").mkdir()
    Path("docker/Dockerfile").write_text("FROM python:3.10-slim\nRUN echo\n")
    result = import_azureml("blue.yml")
    assert result.exit_code == 0 and "kept in the store: environment iris:1" in result.stderr
    assert imported("iris").deployment["spec"]["environment"]["ref"] == {"name": "iris", "version": 1}
    assert store.environments.get("iris").spec.python == "3.10"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("src", "nowhere"), "blue.yml:7: code_configuration.code: nowhere: no such folder"),
        (("score.py", "other.py"), "blue.yml:8: code_configuration.scoring_script: other.py: no such file"),
        (("score.py", "bad.py"), "blue.yml:8: code_configuration.scoring_script: bad.py: no function init()"),
        (("model.pkl", "lost.pkl"), "blue.yml:5: model.path: lost.pkl: no such file"),
        (("conda_file: conda.yml", "conda_file: lost.yml"), "blue.yml:11: environment.conda_file: lost.yml: no such"),
        (("instance_count: 1", "instance_count: 1000"), "spec.replicas: 1000 is greater than"),
    ],
)
def test_what_is_missing_is_told_with_file_and_line(store: Store, change: tuple[str, str], said: str) -> None:
    given_files(
        blue_yml=V2.replace(*change), src__score_py=SCRIPT, conda_yml=CONDA, model_pkl="weights", src__bad_py=""
    )
    result = import_azureml("blue.yml")
    assert result.exit_code == 1 and said in result.stderr
    assert not Path("iris").exists() and not store.root.exists()


def test_v1_configurations_become_a_folder(store: Store) -> None:
    ic = {
        "entryScript": "score.py",
        "sourceDirectory": "./src",
        "environment": {
            "name": "iris-env",
            "environmentVariables": {"GREETING": "hello"},
            "python": {"condaDependenciesFile": "conda.yml"},
            "docker": {"baseImage": "mcr.microsoft.com/azureml/base:latest"},
        },
    }
    given_files(
        ic_json=json.dumps(ic),
        dc_json='{"computeType": "local", "port": 6790}',
        src__score_py=SCRIPT,
        src__conda_yml=CONDA,
        model_pkl="weights",
    )
    result = import_azureml("--ic", "ic.json", "--dc", "dc.json", "--model", "model.pkl")
    assert result.exit_code == 1 and "--name" in result.stderr
    result = import_azureml("--ic", "ic.json", "--dc", "dc.json", "--model", "model.pkl", "--name", "iris")
    assert result.exit_code == 0, result.output
    spec = imported("iris").deployment["spec"]
    assert spec["service"] == {"localPort": 6790} and spec["env"] == [{"name": "GREETING", "value": "hello"}]
    assert spec["environment"]["python"] == "3.12" and "baseImage" not in spec["environment"]


def test_an_imported_deployment_serves_at_once_and_is_exported_by_its_name(lmd: Lmd) -> None:
    (lmd.folder / "src").mkdir()
    (lmd.folder / "src" / "score.py").write_text(script("[int(raw_data) + 1]"))
    python = {"condaDependencies": {"dependencies": [f"python={PYTHON}"]}}
    ic = {"entryScript": "score.py", "sourceDirectory": "src", "environment": {"python": python}}
    (lmd.folder / "ic.json").write_text(json.dumps(ic))
    (lmd.folder / "dc.json").write_text(json.dumps({"computeType": "local", "port": lmd.port}))
    result = lmd("import", "azureml", "--ic", "ic.json", "--dc", "dc.json", "--name", "iris", "--apply")
    assert result.code == 0, result.err
    assert result.out == f"iris: revision 1 serves at http://localhost:{lmd.port}/score\n"
    assert lmd.ask(41).body == [42]
    result = lmd("export", "azureml", "iris", "azure", "-o", "json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["folder"] == "azure"
    assert (lmd.folder / "azure" / "code" / "score.py").read_text() == script("[int(raw_data) + 1]")


@pytest.mark.parametrize(
    "arguments",
    [[], ["blue.yml", "--ic", "ic.json"], ["--dc", "ic.json"], ["blue.yml", "--apply", "--overwrite"], ["lost.yml"]],
    ids=" ".join,
)
def test_wrong_usage_of_import(store: Store, arguments: list[str]) -> None:
    given_files(blue_yml=V2, ic_json="{}")
    result = import_azureml(*arguments)
    assert result.exit_code == 2 and "Usage: " in result.stderr


def test_an_endpoint_alone_is_no_deployment(store: Store) -> None:
    given_files(endpoint_yml="name: iris\nauth_mode: key\n")
    result = import_azureml("endpoint.yml")
    assert result.exit_code == 1 and "one deployment is expected" in result.stderr


@pytest.fixture
def sample(store: Store) -> Store:
    """A folder `iris` to export, with a model in the store."""
    given_files(blue_yml=V2, src__score_py=SCRIPT, conda_yml=CONDA, model_pkl="weights")
    assert import_azureml("blue.yml").exit_code == 0
    return store


@pytest.mark.parametrize("kind", ["managed", "kubernetes"])
def test_a_v2_export_holds_all_that_it_names(sample: Store, kind: str) -> None:
    result = export_azureml("-k", "iris", "--kind", kind, "azure")
    assert result.exit_code == 0, result.output
    assert sorted(str(path.relative_to("azure")) for path in Path("azure").rglob("*") if path.is_file()) == [
        *("code/score.py", "conda.yml", "deployment.yml", "endpoint.yml", "models/iris/1/model.pkl"),
    ]
    written = yaml.safe_load(Path("azure/deployment.yml").read_text())
    assert written["model"]["path"] == "./models/iris/1/model.pkl"
    assert written["endpoint_name"] == yaml.safe_load(Path("azure/endpoint.yml").read_text())["name"] == "iris"
    assert "azureml-inference-server-http" in Path("azure/conda.yml").read_text()
    assert "az ml online-deployment create -f azure/deployment.yml --all-traffic" in result.stdout
    # and back
    assert import_azureml("azure/deployment.yml", "azure/endpoint.yml", "--output-dir", "again").exit_code == 0
    assert imported("again") == imported("iris")


def test_a_v1_export_comes_back_the_same(sample: Store) -> None:
    result = export_azureml("-k", "iris", "--kind", "v1", "azure")
    assert result.exit_code == 0, result.output
    assert "az ml model register -n iris -p azure/models/iris/1/model.pkl" in result.stdout
    again = [*("--ic", "azure/inferenceconfig.json"), *("--dc", "azure/deploymentconfig.json")]
    assert import_azureml(*again, "--model", "iris:1", "--name", "iris", "--output-dir", "again").exit_code == 0
    assert imported("again") == imported("iris")


def test_models_may_be_referred_to(sample: Store) -> None:
    assert export_azureml("-k", "iris", "--models", "references", "azure").exit_code == 0
    assert yaml.safe_load(Path("azure/deployment.yml").read_text())["model"] == "azureml:iris:1"
    assert not Path("azure/models").exists()


def test_an_export_is_not_written_over_what_is_there(sample: Store) -> None:
    given_files(azure__mine_txt="mine")
    result = export_azureml("-k", "iris", "azure")
    assert result.exit_code == 1 and "azure exists already" in result.stderr
    assert export_azureml("-k", "iris", "azure", "--overwrite").exit_code == 0


@pytest.mark.parametrize("arguments", [[], ["azure"], ["-k", "iris"], ["-k", "iris", "iris", "azure"]], ids=" ".join)
def test_wrong_usage_of_export(sample: Store, arguments: list[str]) -> None:
    result = export_azureml(*arguments)
    assert result.exit_code == 2 and "Usage: " in result.stderr


def test_what_azure_ml_cannot_say_is_told(sample: Store) -> None:
    path = Path("iris/deployment.yaml")
    content = yaml.safe_load(path.read_text())
    content["spec"] |= {
        "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "one"}}}],
        "server": {"scoringTimeoutSeconds": 1000, "maxRequestBytes": 2048},
        "service": {"localPort": 6795},
        "resources": {"limits": {"memory": "1Gi"}},
    }
    path.write_text(yaml.safe_dump(content))
    result = export_azureml("-k", "iris", "azure")
    for said in (
        "spec.env[0]: KEY comes from the Secret keys",
        "spec.server.scoringTimeoutSeconds: a managed endpoint allows 180",
        "spec.server.maxRequestBytes",
        "spec.service.localPort",
        "spec.resources",
        "instance_type: Standard_DS3_v2 is only a guess",
    ):
        assert said in result.stderr
    assert yaml.safe_load(Path("azure/deployment.yml").read_text())["request_settings"]["request_timeout_ms"] == 180_000


def test_v2_has_one_model(sample: Store) -> None:
    given_files(other_pkl="other")
    both = ["--model", "iris:1", "--model", "other.pkl"]
    assert import_azureml("blue.yml", *both, "--output-dir", "both").exit_code == 0
    result = export_azureml("-k", "both", "azure")
    assert result.exit_code == 1 and "--kind v1" in result.stderr
    assert export_azureml("-k", "both", "--kind", "v1", "azure").exit_code == 0
