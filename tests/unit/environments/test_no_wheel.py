"""What is said of a package that has no wheel and could not be built."""

from localmodel.environments.locks.uv import failure

SAID = """Resolved 1 package in 75ms
error: Failed to build `ancient==1.0`
  cause: The build backend returned an error
[stderr]
Traceback (most recent call last):
  File "<string>", line 11, in <module>
ImportError: one that was caught
  File "setup.py", line 3, in <module>
NameError: name 'CCompiler' is not defined. Did you mean: 'ccompiler'?
hint: Build failures usually indicate a problem with the package
"""


def test_a_build_that_fails_is_told_in_one_sentence() -> None:
    error = failure("RequirementsNotInstallable", "requirements.txt:1", SAID)
    assert str(error) == (
        "requirements.txt:1: ancient==1.0 has no wheel for this Python, and building it from source failed: NameError: "
        "name 'CCompiler' is not defined. Did you mean: 'ccompiler'?; ask for another version of it, or for a Python "
        "that it has a wheel for (spec.environment.python)"
    )


def test_a_build_that_does_not_say_why_is_told_too() -> None:
    error = failure("RequirementsNotInstallable", "requirements.txt:1", "error: Failed to build `ancient==1.0`")
    assert "building it from source failed; ask for another version" in str(error)
