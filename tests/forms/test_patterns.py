"""Regular expressions that browsers check."""

import json
import re
import shutil
import subprocess

import pytest

from qhana_plugin_runner.forms.patterns import html_pattern

TRANSLATED = {
    r"[a-z]+$": r"[a-z]+$",
    r"^[a-z]+$": r"^[a-z]+$",
    r"\A[a-z]+\Z": r"^[a-z]+$",
    r"[a-z]+": r"(?:[a-z]+).*",
    r"a|b$": r"(?:a|b$).*",
    r"(a|b)$": r"(a|b)$",
    r"(?P<x>a)(?P=x)$": r"(?<x>a)\k<x>$",
    r"\d{2,}-\d{,3}$": r"\p{Nd}{2,}-\p{Nd}{0,3}$",
    r"\w+$": r"[\p{L}\p{N}_]+$",
    r"\W$": r"[^\p{L}\p{N}_]$",
    r"[\w.-]+$": r"[\p{L}\p{N}_.\-]+$",
    r"[^]/(]+$": r"[^\]\/\(]+$",
    r"[+\-]$": r"[+\-]$",
    r"\-\_\@\ \.$": r"-_@ \.$",
    r"{}]$": r"\{\}\]$",
    r"\x41\u00e9$": r"\x41\u00e9$",
    r"a\$": r"(?:a\$).*",
}

UNTRANSLATABLE = [
    r"(?i)abc$",
    r"(?#comment)a$",
    r"a++$",
    r"(?>a)$",
    r"(a)?(?(1)b|c)$",
    r"\bword\b",
    r"[&&]$",
    r"[\W_]$",
    r"\N{BULLET}$",
]

EXAMPLES = [
    "",
    "a",
    "abc",
    "b",
    "aa",
    "é",
    "ß_1",
    "12-345",
    "1234-",
    "-",
    "-_@ .",
    "{}]",
    "Aé",
] + ["x/y", "a.b-c", "+", ",", "a$", "٣٤-", "a b", "aXb", "ab" * 40, "٣", "]", "("]


@pytest.mark.parametrize("expression, expected", TRANSLATED.items())
def test_expressions_are_written_in_the_syntax_of_browsers(expression, expected):
    assert html_pattern(re.compile(expression)) == expected


@pytest.mark.parametrize("expression", UNTRANSLATABLE)
def test_there_is_no_pattern_for_what_browsers_lack(expression):
    assert html_pattern(re.compile(expression)) is None


def test_there_is_no_pattern_for_flags_and_bytes():
    assert html_pattern(re.compile("a", re.IGNORECASE)) is None
    assert html_pattern(re.compile("a.", re.DOTALL)) is None
    assert html_pattern(re.compile(b"a")) is None


def test_classes_stay_small_when_the_expression_says_ascii():
    assert html_pattern(re.compile(r"\w\d\W$", re.ASCII)) == r"[\w]\d\W$"


@pytest.mark.skipif(not shutil.which("node"), reason="needs node to run the patterns")
@pytest.mark.parametrize("flag", "uv")
def test_browsers_accept_the_same_values_as_the_server(flag):
    cases = [
        (
            html_pattern(re.compile(expression)),
            value,
            re.match(expression, value) is not None,
        )
        for expression in TRANSLATED
        for value in EXAMPLES
    ]
    script = (
        "const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "console.log(JSON.stringify(cases.filter(([p, value, expected]) =>"
        f" new RegExp(`^(?:${{p}})$`, '{flag}').test(value) !== expected)));"
    )
    done = subprocess.run(
        ["node", "-e", script], input=json.dumps(cases), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
