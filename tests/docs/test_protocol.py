"""The page about micro frontends and what it is about are the same."""

import re

from helpers.markdown import DOCS

PACKAGE = DOCS.parent / "qhana_plugin_runner"
PAGE = (DOCS / "reference" / "micro-frontend.md").read_text("utf-8")
SCRIPT = (PACKAGE / "static" / "microfrontend.js").read_text("utf-8")
TEMPLATES = "".join(
    (PACKAGE / "templates" / name).read_text("utf-8")
    for name in ("forms.html", "simple_template.html")
)
HOST, DEBUGGER = (
    (PACKAGE / "static" / "workbench" / name).read_text("utf-8")
    for name in ("host.js", "debugger.js")
)
PICKERS = (PACKAGE / "forms" / "description.py").read_text("utf-8")

# Sent by plugins and answered to them; the script only carries them.
OF_PLUGINS = {"implementations-request", "implementations-response"}

_MESSAGE = r'(?:sendMessage\(|type: |\[)"([a-z]+(?:-[a-z]+)+)"'


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)[1]


def first_column(text):
    return set(re.findall(r"^\| `([\w-]+)`", text, re.M))


def documented_messages():
    return first_column(section("Messages to the host")) | first_column(
        section("Messages to the micro frontend")
    )


def test_each_message_of_the_script_is_documented_and_no_other():
    known = set(re.findall(_MESSAGE, SCRIPT))
    assert len(known) > 15
    assert known | OF_PLUGINS == documented_messages()


def test_the_workbench_answers_each_message_to_a_host():
    answers = re.search(r"#answers = \{(.*?)\n  \};", HOST, re.S)[1]
    to_host = first_column(section("Messages to the host"))
    assert set(re.findall(r'^    "([\w-]+)":', answers, re.M)) == to_host


def test_the_debugger_offers_each_message_of_a_host():
    listed = re.search(r"const EXAMPLES = \[(.*?)\n\];", DEBUGGER, re.S)[1]
    offered = re.findall(r'^ +(?:\{ )?(?:type: )?"([a-z]+(?:-[a-z]+)+)"', listed, re.M)
    to_frame = first_column(section("Messages to the micro frontend"))
    assert set(offered) == to_frame


def test_each_data_attribute_is_documented_and_no_other():
    known = set(re.findall(r"\bdata-[a-z]+(?:-[a-z]+)*", TEMPLATES + PICKERS))
    known -= {"data-url", "data-url-response"}
    assert known == set(re.findall(r"`(data-[\w-]+)`", section("The form")))


def test_each_class_is_documented_and_no_other():
    pattern = r"\b(?:qhana-[a-z]+(?:-[a-z]+)*|selected-(?:file|plugin)-(?:hint|name))\b"
    known = set(re.findall(pattern, TEMPLATES + SCRIPT))
    assert known == set(re.findall(pattern, section("The form")))


def test_each_function_is_documented_and_no_other():
    listed = re.search(r"Object\.assign\(window, \{(.*?)\}\)", SCRIPT, re.S)[1]
    functions = set(re.findall(r"\w+", listed))
    assert functions == set(re.findall(r"`(\w+)\(", section("Functions")))


def test_each_member_of_the_state_is_documented_and_no_other():
    state = re.search(r"const state = \{(.*?)\n  \};", SCRIPT, re.S)[1]
    assert set(re.findall(r"^    (\w+):", state, re.M)) == first_column(section("State"))
