"""Which requirements exclude each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from qhana_plugin_runner.plugins.requirements.conflicts import (
    conflict_table,
    find_conflicts,
)
from qhana_plugin_runner.plugins.requirements.lines import read_requirements


def conflicts(*texts, pinned=""):
    wanted = [
        requirement
        for number, text in enumerate(texts)
        for requirement in read_requirements(f"plugin{number}", text)
    ]
    return find_conflicts(wanted, read_requirements("the runner", pinned))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a<2", "a>=2"),
        ("a==1.0", "a==1.1"),
        ("a~=1.4.2", "a>=1.5"),
        ("a==1.4.*", "a!=1.4.*"),
        ("a>1.0", "a<=1"),
        ("A_b<1", "a.B[x]>1"),
        ("a===1-x", "a===1-y"),
        ("a @ https://example.com/1.whl", "a @ https://example.com/2.whl"),
    ],
)
def test_two_that_no_version_meets_exclude_each_other(one, other):
    assert len(conflicts(one, other)) == len(conflicts(other, one)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", "a==1"),
        ("a<2", "a>1.9.9"),
        ("a>1", "a<1.0.1"),
        ("a~=1.4.2", "a!=1.4.2"),
        ("a>=1,!=1.*", "a<2.1"),
        ("a<2", "a!=0"),
        ("a>=1!1", "a<2!0"),
        ("a==1.*", "a<1.0rc1"),
        ("a==1.0+cpu", "a==1.0"),
        ("a>1.0rc1", "a<1.0rc3"),
        ("a===1-x", "a===1-x"),
        ("a<2", "b>=2"),
        ("a<2 ; python_version < '3'", "a>=2"),
        ("a @ https://example.com/1.whl", "a>=2"),
        ("https://example.com/a-1.whl", "https://example.com/a-2.whl"),
    ],
)
def test_two_that_some_version_meets_go_together(one, other):
    assert conflicts(one, other) == conflicts(other, one) == []


VERSIONS = [
    f"{major}.{minor}{rest}"
    for major in range(3)
    for minor in range(3)
    for rest in ("", ".dev1", "a1", "rc1", ".post1")
]
SPECIFIERS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["<", "<=", ">", ">=", "==", "!=", "~="]),
        st.sampled_from(VERSIONS),
    ),
) | st.sampled_from(["==0.*", "==1.*", "!=1.*", "==1.1.*", "!=2.0.*"])


@given(st.lists(SPECIFIERS, min_size=1, max_size=3), SPECIFIERS)
def test_what_a_version_meets_is_never_a_conflict(several, one):
    both = SpecifierSet(",".join([*several, one]))
    if any(both.filter(VERSIONS, prereleases=True)):
        assert conflicts("a" + ",".join(several), "a" + one) == []


def test_a_plugin_can_be_at_odds_with_the_runner_and_with_itself():
    found = conflicts("flask<3\nother==1\nother==2", pinned="flask==3.1\nother==2")
    assert [(c.requirement.text, c.other.text) for c in found] == [
        ("flask<3", "flask==3.1"),
        ("other==1", "other==2"),
        ("other==1", "other==2"),
    ]
    assert [c.other.owner for c in found] == ["the runner", "the runner", "plugin0"]


def test_the_table_names_plugin_requirement_and_what_is_against_it():
    assert conflict_table(conflicts("numpy<2", "numpy>=2")).splitlines() == [
        "plugin  | requirement | conflicts with",
        "------- | ----------- | -----------------",
        "plugin0 | numpy<2     | plugin1: numpy>=2",
    ]
