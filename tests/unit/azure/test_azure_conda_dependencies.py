"""CondaDependencies: the file that comes of the calls."""

import pytest
import yaml

from localmodel.azure.core.conda_dependencies import CondaDependencies
from localmodel.azure.exceptions import UserErrorException


def content(dependencies: CondaDependencies) -> object:
    return yaml.safe_load(dependencies.serialize_to_string())


def test_packages_channels_and_python_are_in_the_file() -> None:
    made = CondaDependencies.create(
        pip_packages=["joblib==1.6.0"], conda_packages=["numpy"], python_version="3.12", pin_sdk_version=False
    )
    made.add_pip_package("pandas")
    made.add_channel("bioconda")
    assert content(made) == {
        "channels": ["conda-forge", "bioconda"],
        "dependencies": ["python=3.12", "numpy", {"pip": ["joblib==1.6.0", "pandas"]}],
    }
    assert made.get_python_version() == "3.12"
    assert [*made.conda_channels] == ["conda-forge", "bioconda"]
    assert [*made.conda_packages] == ["python=3.12", "numpy"]
    assert [*made.pip_packages] == ["joblib==1.6.0", "pandas"]


@pytest.mark.parametrize("again", ["scikit-learn==1.9.1", "scikit_learn>=1.9", "Scikit-Learn"])
def test_a_package_takes_the_place_of_another_version_of_it(again: str) -> None:
    made = CondaDependencies.create(pip_packages=["scikit-learn==1.5.0", "scikit-learn-extra"])
    made.add_pip_package(again)
    assert [*made.pip_packages] == ["scikit-learn-extra", again]


def test_a_conda_package_is_known_behind_its_channel() -> None:
    made = CondaDependencies.create(conda_packages=["conda-forge::numpy=2.4"])
    made.add_conda_package("numpy")
    assert [*made.conda_packages] == ["python=3.11", "numpy"]
    made.remove_conda_package("numpy")
    assert [*made.conda_packages] == ["python=3.11"]


def test_pip_packages_are_replaced_and_removed() -> None:
    made = CondaDependencies.create(pip_packages=["a", "b"])
    made.remove_pip_package("a")
    assert [*made.pip_packages] == ["b"]
    made.set_pip_requirements(["c==1"])
    assert [*made.pip_packages] == ["c==1"]


def test_what_would_be_lost_is_refused_with_what_to_do() -> None:
    made = CondaDependencies()
    with pytest.raises(UserErrorException, match=r"pip_packages is one string; give a list: \['numpy'\]"):
        CondaDependencies.create(pip_packages="numpy")
    for call in (
        lambda: CondaDependencies.create(pip_indexurl="https://index.example"),
        lambda: made.set_pip_index_url("https://index.example"),
        lambda: made.set_pip_option("--pre"),
        lambda: made.add_pip_package("--extra-index-url https://index.example"),
    ):
        with pytest.raises(UserErrorException, match=r"packages\.toml"):
            call()
