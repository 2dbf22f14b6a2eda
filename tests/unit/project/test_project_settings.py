"""Which of options, lmd.toml and the apply before holds, and what is said of what stays."""

from localmodel.project import settings
from localmodel.project.settings import Settings


def test_the_option_goes_before_the_file_and_the_file_before_what_was_applied() -> None:
    options, file = Settings(port=1), Settings(port=2, name="file", models=())
    before = Settings(port=3, name="before", models=("m:1",), entry_script="old.py")
    assert settings.merge(options, file, before) == Settings(port=1, name="file", models=(), entry_script="old.py")


def test_an_option_adds_a_variable_to_those_of_the_file_or_else_of_before() -> None:
    options, file, before = (
        Settings(variables={"A": "1"}),
        Settings(variables={"B": "2"}),
        Settings(variables={"C": "3"}),
    )
    assert settings.merge(options, Settings(), before).variables == {"A": "1", "C": "3"}
    assert settings.merge(options, file, before).variables == {"A": "1", "B": "2"}
    assert settings.merge(Settings(), Settings(), before).variables == {"C": "3"}
    assert settings.merge(Settings(), Settings(variables={}), before).variables == {}


def notes(options: Settings, file: Settings, before: Settings) -> list[str]:
    wanted = settings.merge(options, file, before)
    return [*settings.kept_notes(settings.merge(options, file), wanted, before)]


def test_what_stays_is_said_without_a_variables_value() -> None:
    before = Settings(models=("churn:2",), variables={"KEY": "secret"}, port=7001, environment="env:1")
    assert notes(Settings(), Settings(), before) == [
        "kept from before: --model churn:2; --env env:1; --variable KEY; --port 7001"
    ]
    assert notes(Settings(port=7002, models=("a",), environment="e"), Settings(), Settings(port=7001)) == []


def test_a_variable_that_lmd_toml_names_no_longer_is_told_of() -> None:
    before = Settings(variables={"OLD": "1", "KEPT": "2"})
    assert notes(Settings(), Settings(variables={"KEPT": "2"}), before) == [
        "OLD is not set any more: the variables of lmd.toml do not name it"
    ]
