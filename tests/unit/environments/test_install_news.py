"""What is told of an installation while it runs, from uv's lines."""

from localmodel.environments.install_news import InstallNews

UV = """\
Using Python 3.11.7 environment at: v1
Resolved 4 packages in 585ms
Downloading pandas (11.8MiB)
Downloading numpy (900KiB)
 Downloaded pandas
 Downloaded numpy
Prepared 4 packages in 1.99s
Installed 4 packages in 231ms
 + numpy==2.4.6
"""


def told(text: str) -> list[str]:
    found: list[str] = []
    news = InstallNews("4 packages", found.append)
    for line in text.splitlines():
        news.line(line)
    return found


def test_how_much_has_come_and_what_is_still_on_its_way() -> None:
    assert told(UV) == [
        "4 packages, 0 of 12 MB downloaded (pandas)",
        "4 packages, 0 of 13 MB downloaded (pandas, numpy)",
        "4 packages, 12 of 13 MB downloaded (numpy)",
        "4 packages, 13 of 13 MB downloaded",
        "4 packages, all here: installing",
    ]


def test_a_package_that_is_built_is_named_and_few_names_are() -> None:
    assert told("   Building annoy==1.17.3\n") == ["4 packages, building annoy==1.17.3"]
    many = "".join(f"Downloading p{number} (1.0MiB)\n" for number in range(5))
    assert told(many)[-1] == "4 packages, 0 of 5 MB downloaded (p0, p1, p2, …)"


def test_lines_of_others_say_nothing() -> None:
    assert told("Downloaded nothing that began\nwarning: Downloading of x\n\n") == []
