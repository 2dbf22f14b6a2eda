import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localmodel import digests
from localmodel.disk.executable import Executable
from localmodel.oci import layers
from localmodel.oci.layout import Layout
from localmodel.store import ModelVersion, Store
from localmodel.updates.image import MOST_LAYERS, EnvironmentImage, Image, chain_ids, code, compose, stored

FILES = {"score.py": b"def init(): ...\n", "pkg/util.py": b"x = 1\n"}


class Bench:
    """A store with a model, a layout with an environment of two layers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "store")
        self.layout = Layout(folder / "images")
        base, installed = self.layout.add(b"base"), self.layout.add(b"packages")
        self.environment = EnvironmentImage("sha256:base", "arm64", "linux", ("PATH=/bin",), (base, installed))

    def model(self, name: str = "digits", content: bytes = b"weights") -> ModelVersion:
        file = self.folder / "model.pkl"
        file.write_bytes(content)
        return self.store.models.register(name, file)

    def compose(
        self, files: dict[str, bytes] = FILES, models: list[ModelVersion] | None = None, entry: str = "score.py"
    ) -> Image:
        models = [self.model()] if models is None else models
        return compose(self.layout, self.environment, self.store, models, entry, files)

    def config(self, image: Image) -> Any:
        return json.loads(self.layout.read(image.config.digest))

    def members(self, image: Image, layer: int) -> dict[str, tarfile.TarInfo]:
        with tarfile.open(self.layout.path(image.layers[layer].digest)) as archive:
            return {member.name: member for member in archive}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_code_is_taken_out_of_an_image_as_it_was_put_in(bench: Bench) -> None:
    found = code(bench.layout, bench.compose({**FILES, "bin/tagger": Executable(b"#!/bin/sh")}))
    assert found == {**FILES, "bin/tagger": b"#!/bin/sh"}
    assert [name for name, content in found.items() if isinstance(content, Executable)] == ["bin/tagger"]


def test_equal_inputs_give_the_same_image_anywhere(tmp_path: Path) -> None:
    here, there = Bench(tmp_path / "here"), Bench(tmp_path / "there")
    assert here.compose() == there.compose(dict(reversed(FILES.items())))


def test_an_edit_of_code_changes_only_the_top_layer(bench: Bench) -> None:
    before, after = bench.compose(), bench.compose({**FILES, "score.py": b"def init(): pass\n"})
    assert before.layers[:-1] == after.layers[:-1]
    assert before.layers[-1] != after.layers[-1]
    assert before.manifest != after.manifest


def test_a_new_model_version_leaves_environment_and_code_as_they_were(bench: Bench) -> None:
    before, after = bench.compose(), bench.compose(models=[bench.model(content=b"better weights")])
    assert [before.layers.index(layer) for layer in after.layers if layer in before.layers] == [0, 1, 3]


def test_an_unchanged_image_is_composed_again_without_packing_the_model(bench: Bench) -> None:
    model = bench.model()
    before = bench.compose(models=[model])
    bench.store.layout.remove(model.weights.digest)
    assert bench.compose(models=[model]) == before


def test_a_layer_that_was_lost_is_packed_again(bench: Bench) -> None:
    before = bench.compose()
    bench.layout.remove(before.layers[2].digest)
    assert bench.compose() == before
    assert bench.layout.has(before.layers[2])


def test_code_and_models_lie_where_azure_puts_them(bench: Bench) -> None:
    image = bench.compose()
    assert "var/azureml-app/azureml-models/digits/1/model.pkl" in bench.members(image, 2)
    assert {"var/azureml-app/score.py", "var/azureml-app/pkg/util.py"} <= set(bench.members(image, 3))


def test_layers_can_be_read_by_any_user_and_are_dated_1970(bench: Bench) -> None:
    image = bench.compose()
    for member in [*bench.members(image, 2).values(), *bench.members(image, 3).values()]:
        assert member.mode == (0o755 if member.isdir() else 0o644)
        assert (member.mtime, member.uid) == (0, 0)


def test_the_configuration_says_how_to_run_it(bench: Bench) -> None:
    config = bench.config(bench.compose())
    assert (config["architecture"], config["os"]) == ("arm64", "linux")
    assert config["config"]["User"].partition(":")[0] != "0"
    assert config["config"]["Env"] == [
        "PATH=/bin",
        "AML_APP_ROOT=/var/azureml-app",
        "AZUREML_ENTRY_SCRIPT=score.py",
        "AZUREML_MODEL_DIR=/var/azureml-app/azureml-models/digits/1",
    ]
    assert "created" not in config


def test_the_manifest_lists_what_is_in_the_layout(bench: Bench) -> None:
    image = bench.compose()
    manifest = json.loads(bench.layout.read(image.manifest.digest))
    assert [layer["digest"] for layer in manifest["layers"]] == [layer.digest for layer in image.layers]
    assert bench.config(image)["rootfs"]["diff_ids"] == [layer.digest for layer in image.layers]
    assert all(map(bench.layout.has, (image.manifest, image.config, *image.layers)))
    assert image.reference("localmodel.dev/8f5c") == f"localmodel.dev/8f5c@{image.manifest.digest}"


def test_an_image_composed_before_is_found_while_all_of_it_is_there(bench: Bench) -> None:
    image = bench.compose()
    reference = image.reference("localmodel.dev/8f5c")
    assert stored(bench.layout, reference) == image
    bench.layout.remove(image.layers[0].digest)
    assert stored(bench.layout, reference) is None
    assert stored(bench.layout, "localmodel.dev/8f5c@sha256:" + "0" * 64) is None


def test_the_entry_script_is_part_of_the_image(bench: Bench) -> None:
    assert bench.compose().manifest != bench.compose(entry="pkg/util.py").manifest


def test_another_environment_is_another_image(bench: Bench) -> None:
    before = bench.compose()
    bench.environment = replace(bench.environment, variables=())
    assert bench.compose().manifest != before.manifest


def test_no_model_is_a_layer_less(bench: Bench) -> None:
    image = bench.compose(models=[])
    assert len(image.layers) == 3
    assert "AZUREML_MODEL_DIR=/var/azureml-app/azureml-models" in bench.config(image)["config"]["Env"]


def test_more_layers_than_an_engine_takes_are_joined(bench: Bench) -> None:
    packages = [bench.layout.write(layers.tar([layers.Entry(f"opt/env/{number}", b"x")])) for number in range(130)]
    bench.environment = replace(bench.environment, layers=tuple(packages))
    models = [bench.model(f"model-{number}") for number in range(40)]
    image = bench.compose(models=models)
    assert 100 < len(image.layers) <= MOST_LAYERS
    names = [set(bench.members(image, number)) for number in range(len(image.layers))]
    files = [name for layer in names for name in sorted(layer) if name.startswith("opt/env/")]
    assert sorted(files) == sorted(f"opt/env/{number}" for number in range(130))
    inside = {f"var/azureml-app/azureml-models/{model.name}/1/model.pkl" for model in models}
    assert inside <= set().union(*names)
    assert {"var/azureml-app/score.py", "var/azureml-app/pkg/util.py"} <= names[-1]
    edited = bench.compose({**FILES, "score.py": b"def init(): pass\n"}, models=models)
    assert edited.layers[:-1] == image.layers[:-1]


def test_a_stack_is_named_by_everything_below_it() -> None:
    # image-spec: ChainID(L0) = DiffID(L0); ChainID(L0|...|Ln) = Digest(ChainID(L0|...|Ln-1) + " " + DiffID(Ln))
    one, two, three = "sha256:1", "sha256:2", "sha256:3"
    second = digests.of_bytes(b"sha256:1 sha256:2")
    third = digests.of_bytes(f"{second} sha256:3".encode())
    assert chain_ids([one, two, three]) == [one, second, third]
    assert chain_ids([one]) == [one]
    assert chain_ids([]) == []
    assert chain_ids([two, one, three])[2] != third
