"""Trains three models of one's own into the folders beside this file, and prints what each answers to a request."""

import json
import sys
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import pandas as pd
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "reviews"))
from cleaning import Cleaner  # noqa: E402 - it lies beside the script that needs it

random = np.random.default_rng(0)
customers = pd.DataFrame(
    {
        "age": random.integers(20, 70, 200).astype(float),
        "plan": pd.Categorical(random.choice(["basic", "pro", "team"], 200)),
        "monthly": random.normal(50, 9, 200),
    }
)
leaves = ((customers["age"] > 45) & (customers["plan"] != "pro")).astype(int)
churn = lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=5, verbose=-1).fit(customers, leaves)
joblib.dump(churn, HERE / "churn" / "model.pkl")

texts, moods = ["Good film!", "bad film", "good BOOK", "bad book?"] * 5, ["+", "-", "+", "-"] * 5
reviews = make_pipeline(Cleaner(), TfidfVectorizer(), LogisticRegression()).fit(texts, moods)
joblib.dump(reviews, HERE / "reviews" / "model.pkl")

flowers, kinds = load_iris(return_X_y=True)
tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(flowers, kinds)
artifacts = HERE / "iris" / "artifacts"
artifacts.mkdir()
graph = to_onnx(tree, flowers[:1].astype("float32"), options={"zipmap": False}, target_opset=15)
(artifacts / "model.onnx").write_bytes(graph.SerializeToString())
labels = ["setosa", "versicolor", "virginica"]
(artifacts / "labels.json").write_text(json.dumps(labels))

answers = {
    "churn": [json.loads(customers[:3].to_json(orient="records")), churn.predict_proba(customers[:3])[:, 1].tolist()],
    "reviews": [["a GOOD thing!", "bad?"], reviews.predict(["a GOOD thing!", "bad?"]).tolist()],
    "iris": [flowers[::60].tolist(), [labels[kind] for kind in tree.predict(flowers[::60])]],
}
print(json.dumps(answers))
