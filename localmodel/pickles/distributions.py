"""Which distribution brings a module: those that models are saved with. Of all others nothing is said."""

import re

# Only where the names differ.
_RENAMED = {
    "Bio": "biopython",
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "category_encoders": "category-encoders",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "feature_engine": "feature-engine",
    "imblearn": "imbalanced-learn",
    "mlxtend": "mlxtend",
    "pytorch_tabnet": "pytorch-tabnet",
    "sentence_transformers": "sentence-transformers",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "sklearn_crfsuite": "sklearn-crfsuite",
    "sklearn_pandas": "sklearn-pandas",
    "skorch": "skorch",
    "umap": "umap-learn",
    "yaml": "pyyaml",
}
_SAME = """catboost feature_engine fasttext gensim gplearn hdbscan interpret joblib keras lifelines lightgbm lightning
networkx nltk numba numpy onnx onnxruntime optuna pandas patsy polars prophet pyarrow pymc rdkit river scipy shap sktime
sksurv spacy statsmodels tensorflow textblob tokenizers torch torchvision transformers tslearn xgboost"""
# Others that bring the same module.
_TWINS = {
    "opencv-python": {"opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"},
    "tensorflow": {"tensorflow-cpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly"},
    "xgboost": {"xgboost-cpu"},
    "catboost": {"catboost-dev"},
    "torch": {"torch-nightly"},
    "lightning": {"pytorch-lightning"},
    "onnxruntime": {"onnxruntime-gpu"},
}


def normalized(name: str) -> str:
    """A distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def of_module(module: str) -> str:
    """The distribution's name; empty when it is not known for sure, such as for the user's own modules."""
    package = module.partition(".")[0]
    return _RENAMED.get(package) or (package if package in _SAME.split() else "")


def is_in(distribution: str, locked: object) -> bool:
    """Whether this distribution, or another one with the same module, is among those."""
    names = {distribution} | _TWINS.get(distribution, set())
    return any(name in locked for name in names)  # type: ignore[operator]
