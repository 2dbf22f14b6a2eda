"""kubectl lmd: where kubectl's own options may stand."""

import pytest

from localmodel.cli.tools.kubectl import arranged


@pytest.mark.parametrize(
    ("given", "wanted", "kubeconfig"),
    [
        ("status", "status", ""),
        ("-n ml status digits", "status -n ml digits", ""),
        ("--context=kind-x --namespace ml status", "status --context=kind-x --namespace ml", ""),
        ("status -A", "status -A", ""),
        ("-A status", "status -A", ""),
        ("--kubeconfig other status", "status", "other"),
        ("status --kubeconfig=other digits", "status digits", "other"),
        ("invoke digits --data -n", "invoke digits --data -n", ""),
        ("run train.py -- --kubeconfig x", "run train.py -- --kubeconfig x", ""),
        ("--help", "--help", ""),
        ("-n", "-n", ""),
        ("status --kubeconfig", "status", ""),
    ],
)
def test_options_may_stand_before_the_command(given: str, wanted: str, kubeconfig: str) -> None:
    assert arranged(given.split()) == (wanted.split(), kubeconfig)
