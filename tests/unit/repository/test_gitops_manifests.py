"""What `lmd export flux` and `lmd export argocd` print is what stands in manifests/gitops."""

from pathlib import Path

import yaml
from click.testing import CliRunner

from localmodel import gitops
from localmodel.cli.app import main

FOLDER = Path(__file__).parents[3] / "manifests/gitops"
EXAMPLE = gitops.Place("digits", "default", "https://git.example/models.git", "main", "digits")
OTHER = gitops.Place("churn", "team", "https://git.other/all.git", "release", "serving/churn")


def written(tool: str) -> list[object]:
    return list(yaml.safe_load_all((FOLDER / tool / "digits.yaml").read_text()))


def test_the_examples_are_exported_for_what_they_name() -> None:
    assert gitops.flux(EXAMPLE) == written("flux")
    assert gitops.argocd(EXAMPLE)[:1] == written("argocd")


def test_flux_is_given_the_deployment_s_own_names() -> None:
    repository, kustomization = gitops.flux(OTHER)
    assert repository["metadata"] == kustomization["metadata"] == {"name": "churn", "namespace": "flux-system"}
    assert repository["spec"]["url"] == "https://git.other/all.git"
    assert repository["spec"]["ref"] == {"branch": "release"}
    spec = kustomization["spec"]
    assert (spec["sourceRef"]["name"], spec["path"], spec["targetNamespace"]) == ("churn", "./serving/churn", "team")
    assert "digits" not in str([repository, kustomization])


def test_argo_cd_is_given_the_deployment_s_own_names_and_the_health_check() -> None:
    application, settings = gitops.argocd(OTHER)
    source = {"repoURL": "https://git.other/all.git", "targetRevision": "release", "path": "serving/churn"}
    assert application["spec"]["source"] == source
    assert (application["metadata"]["name"], application["spec"]["destination"]["namespace"]) == ("churn", "team")
    (script,) = settings["data"].values()
    assert script == next(FOLDER.rglob("health.lua")).read_text()
    assert "digits" not in str(application)


def test_the_address_is_asked_for() -> None:
    for tool in ("flux", "argocd"):
        result = CliRunner().invoke(main, ["export", tool, "churn"])
        assert result.exit_code == 2 and "Missing option '--url'" in result.stderr
