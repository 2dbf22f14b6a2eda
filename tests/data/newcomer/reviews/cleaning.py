import re

from sklearn.base import BaseEstimator, TransformerMixin


class Cleaner(BaseEstimator, TransformerMixin):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return [re.sub(r"[^a-z ]", " ", text.lower()) for text in X]
