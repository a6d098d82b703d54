"""Regular expressions that browsers check."""

import json
import re
import shutil
import subprocess

import pytest

from qhana_plugin_runner.forms.checks import html_pattern

TRANSLATED = {
    r"[a-z]+$": r"[a-z]+",
    r"^[a-z]+$": r"[a-z]+",
    r"\A[a-z]+\Z": r"[a-z]+",
    r"^[A-Za-z0-9_./*-]+$": r"[A-Za-z0-9_\.\/\*\-]+",
    r"[^0-9 +]{2,}-x{3}[a-c]{0,3}$": r"[^0-9 \+]{2,}-x{3}[a-c]{0,3}",
    r"a\$$": r"a\$",
    r"ab*c?\.[..]$": r"ab*c?\.[\.\.]",
    r"$": "",
}

SERVER_ONLY = [
    r"[a-z]+",  # any end will do
    r"(a|b)$",
    r"a|b$",
    r"\d+$",  # the digits of other scripts, too
    r"\w$",
    r"a.$",
    r"[+-z]$",
    r"[a-b-c]$",
    r"[]a]$",
    r"[&&]$",
    r"a+?$",
    r"a++$",
    r"a{,3}$",
    r"(?i)abc$",
    r"(?#comment)a$",
    r"\bword\b$",
    r"a\$",
]

EXAMPLES = ["", "a", "abc", "b", "-", "a.b-c", "entity/list", "*", "a$", "ac..", "é"]
EXAMPLES += ["xx-xxxa", "xy-xxx", "a b", "ab" * 40, "٣", "]", "\\", "ac.\\"]


@pytest.mark.parametrize("expression, expected", TRANSLATED.items())
def test_simple_expressions_are_written_for_browsers(expression, expected):
    assert html_pattern(re.compile(expression)) == expected


@pytest.mark.parametrize("expression", SERVER_ONLY)
def test_the_server_alone_checks_other_expressions(expression):
    assert html_pattern(re.compile(expression)) is None


@pytest.mark.parametrize("flag", [re.IGNORECASE, re.DOTALL, re.ASCII, re.VERBOSE])
def test_the_server_alone_checks_expressions_with_flags(flag):
    assert html_pattern(re.compile("a$", flag)) is None
    assert html_pattern(re.compile(b"a$")) is None


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
