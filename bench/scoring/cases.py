"""The cases: a model, rows per request, connections; and the pictures in the requests."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

APPS = Path(__file__).resolve().parent / "apps"
FEATURES = 784
MODELS = {"lr": "LogisticRegression", "rf": "RandomForest of 100 trees"}
CASES = tuple(f"{model}{rows}-c{connections}" for model in MODELS for rows in (1, 32) for connections in (1, 8, 32))
HEADLINE = ("lr1-c1", "lr1-c8", "lr1-c32", "lr32-c8", "rf1-c32")

Rows = list[list[float]]


@dataclass(frozen=True)
class Case:
    """A case such as `lr32-c8`: the linear model, 32 rows per request, 8 connections."""

    model: str
    rows: int
    connections: int

    def __str__(self) -> str:
        return f"{self.model}{self.rows}-c{self.connections}"


def read_case(text: str) -> Case:
    """Parse a case's name.

    Raises:
        ValueError: there is no such case.
    """
    match = re.fullmatch(r"([a-z]+)(\d+)-c(\d+)", text)
    if text not in CASES or match is None:
        raise ValueError(f"there is no case {text}; there are {', '.join(CASES)}")
    return Case(match[1], int(match[2]), int(match[3]))


@dataclass(frozen=True)
class Pictures:
    """Rows of 784 floats, and the labels that each model gives to them."""

    rows: Rows
    labels: dict[str, list[int]]


def train(python: Path, folder: Path) -> Pictures:
    """Train the models into `folder/<model>/model.joblib` with an interpreter that has scikit-learn."""
    subprocess.run([python, APPS / "train.py", folder], check=True)
    made = json.loads((folder / "pictures.json").read_text())
    return Pictures(made["rows"], made["labels"])
