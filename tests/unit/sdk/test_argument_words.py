"""Errors name what a caller from Python has given, and a manifest's fields only where nobody gave an argument."""

import pytest

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.sdk.argument_words import told_of


@pytest.mark.parametrize(
    ("text", "in_words"),
    [
        ("spec.env[0].name: 'A B' does not match", "variables: 'A B' does not match"),
        ("spec.models[1]: model churn is not in the store", "models[1]: model churn is not in the store"),
        ("spec.environment.requirements[0]: no", "environment[0]: no"),
        ("spec.environment.python: '2.7' is not supported", "environment.python: '2.7' is not supported"),
        ("spec.service.localPort: 70000 is greater", "port: 70000 is greater"),
        ("spec.server.scoringTimeoutSeconds: 0 is less", "server: scoring_timeout_seconds: 0 is less"),
        ("spec.scoring.entryScript: a.py", "script: a.py"),
        ("spec.replicas: -1 is less", "replicas: -1 is less"),
        ("spec.resources.limits: too much", "spec.resources.limits: too much"),
    ],
)
def test_a_field_in_the_words_of_the_argument(text: str, in_words: str) -> None:
    names = ("environment", "models", "port", "replicas", "script", "server", "variables")
    for arguments, expected in ((dict.fromkeys(names, 1), in_words), (dict.fromkeys(names), text)):
        with pytest.raises(UserError) as caught, told_of(arguments):
            raise UserError(reasons.INVALID_MANIFEST, text)
        assert str(caught.value) == expected
