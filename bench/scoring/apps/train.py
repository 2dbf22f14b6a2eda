"""Train the two models on the digits of scikit-learn as 28 x 28 pictures, and say what they answer.

Arguments: the folder for lr/model.joblib, rf/model.joblib and pictures.json
(``{"rows": [[784 floats], ...], "labels": {"lr": [...], "rf": [...]}}``).
"""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

_PICTURES = 64
_LEARNT_FROM = 1000

folder = Path(sys.argv[1])
small, labels = load_digits(return_X_y=True)
enlarge = np.arange(28) * 8 // 28
# Shades as in MNIST: whole numbers up to 255, as a part of 255.
shades = np.floor(small.reshape(-1, 8, 8) / 16 * 255) / 255
pictures = shades[:, enlarge][:, :, enlarge].reshape(-1, 784)
shown = pictures[_LEARNT_FROM : _LEARNT_FROM + _PICTURES]
models = {
    "lr": LogisticRegression(max_iter=500),
    "rf": RandomForestClassifier(n_estimators=100, random_state=0),
}
answers = {}
for name, model in models.items():
    model.fit(pictures[:_LEARNT_FROM], labels[:_LEARNT_FROM])
    (folder / name).mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / name / "model.joblib")
    answers[name] = model.predict(shown).tolist()
(folder / "pictures.json").write_text(json.dumps({"rows": shown.tolist(), "labels": answers}))
