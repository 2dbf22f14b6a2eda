"""What is wrong is named before anything is started: the field, or file and line, and what to do."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from support.lmd_command import Lmd, script

from localmodel.cli import main
from localmodel.environments.venvs import pythons

MODEL = {"models": [{"name": "digits", "version": 1}]}


def refused(lmd: Lmd, *arguments: str | Path) -> str:
    """The message with which a manifest is turned away; in this process, which is faster."""
    command = ["apply", *map(str, arguments)]
    result = CliRunner().invoke(main, command, env={"LOCALMODEL_HOME": str(lmd.home)})
    assert result.exit_code == 1 and result.stdout == ""
    assert not (lmd.home / "deployments" / "digits" / "server.json").exists()
    return result.stderr.partition("error: ")[2]


def kustomization(lmd: Lmd, **fields: object) -> Path:
    folder = lmd.folder / "kustomize"
    folder.mkdir(exist_ok=True)
    (folder / "score.py").write_text(script("1"))
    source = {"entryScript": "score.py", "source": {"configMap": {"name": "code"}}}
    manifest = lmd.manifest("", scoring=source)
    manifest.rename(folder / "deployment.yaml")
    content = {
        "resources": ["deployment.yaml"],
        "configMapGenerator": [{"name": "code", "files": ["score.py"]}],
        **fields,
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content))
    return folder


def test_a_kustomization_is_served(lmd: Lmd) -> None:
    assert lmd("apply", "-k", kustomization(lmd)).code == 0
    assert lmd.ask().body == 1


def test_a_file_that_no_generator_lists(lmd: Lmd) -> None:
    folder = kustomization(lmd)
    (folder / "score.py").write_text("import cleaning\n" + script("1"))
    (folder / "cleaning.py").write_text("")
    error = lmd("apply", "-k", folder).err
    assert "score.py:1 imports cleaning: cleaning.py lies beside it but is not in kustomization.yaml's files" in error


def test_an_unknown_field(lmd: Lmd) -> None:
    path = lmd.manifest(script("1"), replica=2)
    assert refused(lmd, "-f", path) == f"{path}: spec.replica: unknown field\n"


@pytest.mark.parametrize("field", ["patches", "namePrefix", "images"])
def test_a_kustomization_field_that_would_change_what_is_applied(lmd: Lmd, field: str) -> None:
    folder = kustomization(lmd, **{field: []})
    expected = f"{folder}/kustomization.yaml: {field}: not supported by the process target\n"
    assert refused(lmd, "-k", folder) == expected


def test_a_generator_option(lmd: Lmd) -> None:
    folder = kustomization(lmd, configMapGenerator=[{"name": "code", "literals": ["a=b"]}])
    assert "configMapGenerator[0].literals: not supported" in refused(lmd, "-k", folder)


def test_options_of_the_generated_map_are_without_effect(lmd: Lmd) -> None:
    options = {"disableNameSuffixHash": True, "labels": {"a": "b"}, "annotations": {}, "immutable": True}
    generator = {"name": "code", "files": ["score.py"], "options": options}
    for given, said in (({"hash": 1}, "generatorOptions.hash: not supported"), ([], "generatorOptions: a mapping")):
        assert f"kustomization.yaml: {said}" in refused(lmd, "-k", kustomization(lmd, generatorOptions=given))
    folder = kustomization(lmd, configMapGenerator=[{**generator, "options": {"hash": 1}}])
    assert "configMapGenerator[0].options.hash: not supported" in refused(lmd, "-k", folder)
    folder = kustomization(lmd, generatorOptions=options, configMapGenerator=[generator])
    assert lmd("apply", "-k", folder).code == 0


def test_a_generated_file_that_is_missing(lmd: Lmd) -> None:
    folder = kustomization(lmd, configMapGenerator=[{"name": "code", "files": ["other.py"]}])
    assert "other.py: no such file beside it" in refused(lmd, "-k", folder)


def test_a_file_name_that_leads_out_of_the_folder(lmd: Lmd) -> None:
    folder = kustomization(lmd, configMapGenerator=[{"name": "code", "files": ["../../x=score.py"]}])
    assert "'../../x' is not a ConfigMap key" in refused(lmd, "-k", folder)


def test_a_config_map_that_is_not_there(lmd: Lmd) -> None:
    folder = kustomization(lmd, configMapGenerator=[{"name": "cod", "files": ["score.py"]}])
    message = refused(lmd, "-k", folder)
    assert "spec.scoring.source.configMap: no ConfigMap code" in message and "(found: cod)" in message


def test_a_folder_without_a_kustomization(lmd: Lmd) -> None:
    assert f"{lmd.folder}: no kustomization.yaml" in refused(lmd, "-k", lmd.folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "not YAML"),
        ("- a\n", "a mapping is expected"),
        ("", "kind is missing"),
        (
            "apiVersion: localmodel.dev/v9\nkind: LocalModelDeployment\nmetadata: {name: a}\n",
            "apiVersion: localmodel.dev/v9 is unknown; expected localmodel.dev/v1alpha1",
        ),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n", "kind Service (v1) cannot be served by a process"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "expected one LocalModelDeployment"),
    ],
)
def test_a_file_that_is_no_manifest(lmd: Lmd, text: str, said: str) -> None:
    path = lmd.folder / "wrong.yaml"
    path.write_text(text)
    message = refused(lmd, "-f", path)
    assert said in message and str(path) in message


def test_an_empty_store(lmd: Lmd) -> None:
    message = refused(lmd, "-f", lmd.manifest(script("1"), **MODEL))
    assert message.startswith("spec.models[0]: ") and "lmd model register" in message


def test_a_missing_model_and_a_missing_version(lmd: Lmd) -> None:
    (lmd.folder / "m.pkl").write_text("m")
    lmd("model", "register", "m.pkl", "--name", "other")
    message = refused(lmd, "-f", lmd.manifest(script("1"), **MODEL))
    assert message.startswith("spec.models[0]: model digits is not in the store; registered are: other")
    lmd("model", "register", "m.pkl", "--name", "digits")
    message = refused(lmd, "-f", lmd.manifest(script("1"), models=[{"name": "digits", "version": 7}]))
    assert message == "spec.models[0]: model digits has no version 7; its versions: 1\n"


def test_a_script_without_run(lmd: Lmd) -> None:
    message = refused(lmd, "-f", lmd.manifest("def init(): pass\n"))
    assert message.startswith("score.py: no function run(raw_data)")


def test_a_syntax_error(lmd: Lmd) -> None:
    message = refused(lmd, "-f", lmd.manifest("def init(): pass\ndef run(raw_data)\n    pass\n"))
    assert message == "score.py:2: SyntaxError: expected ':'\n"


def test_a_python_that_is_not_on_the_machine(lmd: Lmd, monkeypatch: pytest.MonkeyPatch) -> None:
    async def installed() -> dict[str, str]:
        return {"3.12": "/usr/bin/python3.12", "3.9": "/usr/bin/python3.9"}

    monkeypatch.setattr(pythons, "installed", installed)
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    message = refused(lmd, "-f", lmd.manifest(script("1"), environment={"python": "3.14"}))
    said = "spec.environment.python: no Python 3.14 on this machine (installed: 3.9, 3.12), and uv cannot fetch it: "
    assert message.startswith(f"{said}Python downloads are not allowed")
    assert "uv python install 3.14" in message


def test_a_requirement_that_is_none(lmd: Lmd) -> None:
    path = lmd.manifest(script("1"), environment={"requirements": ["six", "not a requirement"]})
    message = refused(lmd, "-f", path)
    assert message.startswith(f"{path}: spec.environment.requirements[1]: 'not a requirement' is not a requirement: ")


def test_a_requirement_that_does_not_exist(lmd: Lmd) -> None:
    path = lmd.manifest(script("1"), environment={"requirements": ["localmodel-has-no-such-package==1"]})
    message = refused(lmd, "-f", path)
    assert message.startswith("spec.environment.requirements: ")
    assert "localmodel-has-no-such-package" in message and len(message.splitlines()) == 1


def test_variables_from_objects(lmd: Lmd) -> None:
    secret = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    message = refused(lmd, "-f", lmd.manifest(script("1"), env=secret))
    assert message.startswith("spec.env[0].valueFrom.secretKeyRef: ") and "use value" in message
    config_map = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]
    message = refused(lmd, "-f", lmd.manifest(script("1"), env=config_map))
    assert message == "spec.env[0].valueFrom.configMapKeyRef: ConfigMap c is not beside the deployment\n"


def test_a_variable_that_is_optional_is_not_set_without_its_object(lmd: Lmd) -> None:
    env = [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": True}}},
        {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
    ]
    assert lmd.apply(script("[__import__('os').environ.get(name) for name in 'AB']"), env=env).code == 0
    assert lmd.ask().body == [None, None]


def test_a_variable_from_a_config_map_in_the_same_file(lmd: Lmd) -> None:
    reference = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]
    path = lmd.manifest(script("__import__('os').environ['A']"), env=reference)
    config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {k: from beside}\n"
    path.write_text(path.read_text() + "---\n" + config_map)
    assert lmd("apply", "-f", path).code == 0
    assert lmd.ask().body == "from beside"
