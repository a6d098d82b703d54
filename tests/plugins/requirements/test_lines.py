"""Reading what plugins write as the text of a requirements.txt."""

import pytest

from qhana_plugin_runner.plugins.requirements.lines import (
    RequirementsError,
    read_requirements,
)


def texts(text):
    return [requirement.text for requirement in read_requirements("me", text)]


def test_blank_lines_and_comments_say_nothing():
    assert texts("\n# numpy\n  \nscipy>=1 # why\n") == ["scipy>=1"]


def test_a_continued_line_is_one_requirement():
    assert texts("numpy \\\n  >=2,\\\n<3\nscipy") == ["numpy<3,>=2", "scipy"]


def test_extras_and_markers_are_kept():
    (requirement,) = read_requirements("me", "Ray_X[rl,tune]>=2; python_version<'3'")
    assert requirement.text == 'Ray_X[rl,tune]>=2; python_version < "3"'
    assert (requirement.name, requirement.applies_here) == ("ray-x", False)


def test_urls_are_kept_with_their_fragments():
    url = "git+https://example.com/a.git@v1#egg=a"
    assert texts(f"{url}\na @ https://example.com/a.whl") == [
        url,
        "a @ https://example.com/a.whl",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-r more.txt", "is an option of pip: write the requirements themselves"),
        ("--requirement=more.txt", "write the requirements themselves"),
        ("-c pins.txt", "is an option of pip"),
        ("-e .", "`NAME @ URL` for files"),
        ("--index-url https://example.com", "set options where the runner runs"),
        ("a==1 --hash=sha256:00", "has a hash"),
        ("./folder", "is not a requirement"),
        ("numpy=>2", "is not a requirement"),
    ],
)
def test_what_is_no_requirement_is_refused_with_its_line(line, said):
    with pytest.raises(RequirementsError) as caught:
        texts(f"numpy\\\n>=2\n\n{line}\n")
    text = str(caught.value)
    assert text.startswith(f"line 4 of the requirements, {line!r},") and said in text
    assert "\n" not in text
