"""Models beside the lock of the environment that they are to be loaded in."""

from dataclasses import dataclass, field
from typing import Any

from localmodel.pickles import mismatches

LOCK = """
scikit-learn==1.5.0 \\
    --hash=sha256:0123 \\
    --hash=sha256:4567
numpy==2.1.0 ; python_version >= "3.9" \\
    --hash=sha256:89ab
joblib==1.4.2
threadpoolctl==3.5.0
"""
SKLEARN = [
    "sklearn.linear_model._logistic",
    "numpy",
    "numpy._core.multiarray",
    "joblib.numpy_pickle",
    "features",
    "__main__",
]


@dataclass
class Model:
    pickles: dict[str, Any] = field(default_factory=dict)
    name: str = "digits"
    version: int = 3


def model(version: str = "1.5.2", *modules: str, **versions: str) -> Model:
    return Model({"modules": [*SKLEARN, *modules], "versions": {"scikit-learn": version, **versions}})


def test_the_line_to_change_is_named_with_its_new_text() -> None:
    assert mismatches([model("1.9.1")], ["numpy", "scikit_learn==1.5.0"], LOCK) == [
        "spec.environment.requirements[1]: 'scikit_learn==1.5.0' brings 1.5.0, and model digits:3 was saved with "
        "scikit-learn 1.9.1; write scikit-learn==1.9.1"
    ]
    assert mismatches([model("1.9.1")], ["imbalanced-learn"], LOCK) == [
        "spec.environment.requirements: the lock has scikit-learn 1.5.0, and model digits:3 was saved with "
        "scikit-learn 1.9.1; add scikit-learn==1.9.1"
    ]


def test_another_patch_release_fits() -> None:
    assert mismatches([model("1.5.2"), model("1.5.0rc1")], ["scikit-learn"], LOCK) == []


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert mismatches([model("1.5.0", "features.ages", "company_models")], ["scikit-learn"], LOCK) == []
    assert mismatches([Model(), Model({"modules": [], "versions": {}})], [], "") == []


def test_numpy_2_is_needed_where_its_modules_are_named() -> None:
    old = LOCK.replace("numpy==2.1.0", "numpy==1.24.4")
    (sentence,) = mismatches([model("1.5.0", numpy=">=2")], ["numpy<2", "scikit-learn"], old)
    assert sentence.startswith("spec.environment.requirements[0]: 'numpy<2' brings 1.24.4")
    assert sentence.endswith("write numpy>=2")
    almost = LOCK.replace("numpy==2.1.0", "numpy==1.26.4")
    assert mismatches([model("1.5.0", numpy=">=2")], [], almost) == []
    assert len(mismatches([model("1.5.0", "numpy.random._pickle", numpy=">=2")], [], almost)) == 1
    assert mismatches([model("1.5.0", numpy="<2")], [], LOCK) == []


def test_one_sentence_for_one_thing() -> None:
    assert len(mismatches([model("1.9.1"), model("1.9.1")], ["scikit-learn"], LOCK)) == 1
