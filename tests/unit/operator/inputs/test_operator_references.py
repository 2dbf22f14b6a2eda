from localmodel.resource.spec import DeploymentSpec, KeyRef, ModelRef, Source, Variable
from localmodel_operator.inputs.references import References

CODE = DeploymentSpec("score.py", Source(config_map="code"))
SECRET = DeploymentSpec(
    "score.py", Source(inline={"score.py": ""}), env=(Variable("T", value_from=KeyRef("Secret", "keys", "t")),)
)
ONE, TWO = ("team", "one"), ("team", "two")


def test_an_edit_wakes_those_who_refer_to_it() -> None:
    references = References()
    references.set(ONE, "team", CODE)
    references.set(TWO, "team", SECRET)
    assert references.readers(("ConfigMap", "team", "code")) == [ONE]
    assert references.readers(("Secret", "team", "keys")) == [TWO]
    assert references.readers(("ConfigMap", "team", "keys")) == []
    assert references.readers(("ConfigMap", "elsewhere", "code")) == []


def test_only_what_it_refers_to_now_counts() -> None:
    references = References()
    references.set(ONE, "team", CODE)
    references.set(ONE, "team", SECRET)
    assert references.readers(("ConfigMap", "team", "code")) == []
    references.forget(ONE)
    references.forget(ONE)
    assert references.readers(("Secret", "team", "keys")) == []


def test_the_secret_that_an_address_is_read_with_counts() -> None:
    references = References()
    model = ModelRef("churn", uri="hf://owner/churn", credentials="hub")
    references.set(ONE, "team", DeploymentSpec("score.py", Source(config_map="code"), (model,)))
    assert references.readers(("Secret", "team", "hub")) == [ONE]
