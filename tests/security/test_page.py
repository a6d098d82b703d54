"""The tables of the page about security: what they claim is tested."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PAGE = (TESTS.parent / "docs/explanation/security.md").read_text("utf-8")
KNOWN = {
    name
    for folder in (TESTS, TESTS.parent / "qhana_plugin_runner" / "testing")
    for path in folder.rglob("*.py")
    for name in re.findall(r"^ *def (test_\w+)\(", path.read_text("utf-8"), re.MULTILINE)
}


def rows(head):
    """Return the rows of the table that begins with these words, as lists of cells."""
    table = PAGE.partition(f"\n| {head} |")[2].partition("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


@pytest.mark.parametrize("item, holds, by", rows("item"), ids=lambda cell: cell[:6])
def test_an_item_of_asvs_that_holds_names_its_tests(item, holds, by):
    files = re.findall(r"`(\w+/test_\w+\.py)`", by)
    assert all((TESTS / file).is_file() for file in files)
    assert files or holds == "no", f"{item} holds, but nothing tests it"
    assert holds in ("yes", "partly", "local: yes", "no")


@pytest.mark.parametrize("attack, seen, by", rows("attack"), ids=lambda cell: cell[:40])
def test_an_attack_has_tests_or_a_reason(attack, seen, by):
    named = set(re.findall(r"`(test_\w+)`", by))
    assert named <= KNOWN, named - KNOWN
    assert named or by.startswith("none: ")
    assert re.search(r"CVE-\d{4}-\d+|GHSA-|#\d+", seen)


def test_each_precedent_that_a_test_names_is_in_the_table():
    listed = {cell for _attack, seen, _by in rows("attack") for cell in precedents(seen)}
    for path in Path(__file__).parent.glob("test_*.py"):
        missing = precedents(path.read_text("utf-8")) - listed
        assert not missing, (path.name, missing)
    assert len(listed) > 40


def precedents(text):
    return set(re.findall(r"CVE-\d{4}-\d+|GHSA(?:-\w{4}){3}", text))
