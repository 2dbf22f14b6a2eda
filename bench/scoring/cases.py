"""What is measured: a model, rows a request, connections; and the pictures that are asked for."""

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
    """``lr32-c8``: the linear model, 32 rows a request, 8 connections."""

    model: str
    rows: int
    connections: int

    def __str__(self) -> str:
        return f"{self.model}{self.rows}-c{self.connections}"


def read_case(text: str) -> Case:
    """Raises ValueError when there is no such case."""
    found = re.fullmatch(r"([a-z]+)(\d+)-c(\d+)", text)
    if text not in CASES or found is None:
        raise ValueError(f"there is no case {text}; there are {', '.join(CASES)}")
    return Case(found[1], int(found[2]), int(found[3]))


@dataclass(frozen=True)
class Pictures:
    """Rows of 784 floats, and the label that each model itself gives to them."""

    rows: Rows
    labels: dict[str, list[int]]


def train(python: Path, folder: Path) -> Pictures:
    """Train the models into ``folder/<model>/model.joblib`` by an interpreter that has scikit-learn."""
    subprocess.run([python, APPS / "train.py", folder], check=True)
    made = json.loads((folder / "pictures.json").read_text())
    return Pictures(made["rows"], made["labels"])
