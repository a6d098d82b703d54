"""The documentation builds, leads nowhere wrong, and is complete."""

import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
from urllib.parse import unquote, urldefrag, urlsplit

import click
import pytest
from helpers.markdown import DOCS
from helpers.plugins import isolated_plugins

import qhana_plugin_runner
from qhana_plugin_runner import create_app, plugin_utils
from qhana_plugin_runner.__main__ import main
from qhana_plugin_runner.checks.findings import FINDINGS
from qhana_plugin_runner.operations.health import CHECKS
from qhana_plugin_runner.util.compat import SHIMS
from qhana_plugin_runner.util.config import SETTINGS

CHECKOUT = DOCS.parent

# Public inside of the package only.
NOT_FOR_AUTHORS = {"qhana_plugin_runner.tasks.announce"}


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with isolated_plugins(tmp_path_factory.mktemp("app")):
        yield create_app({"DEBUG": True}, silent_log=True)


def test_it_builds_without_a_warning(site):
    assert (site.result.returncode, site.result.stderr) == (0, "")


def test_every_link_inside_leads_somewhere(site):
    broken = []
    for name, page in site.pages.items():
        for link in page.links:
            target, fragment = urldefrag(link)
            if urlsplit(link).scheme or link.startswith("#"):
                continue
            path = (site.folder / name).parent / unquote(urlsplit(target).path)
            other = site.pages.get(path.resolve().relative_to(site.folder).as_posix())
            if not path.is_file() or (
                fragment and other and unquote(fragment) not in other.ids
            ):
                broken.append(f"{name}: {link}")
    assert broken == []


def test_nothing_on_the_pages_is_loaded_from_elsewhere(site):
    sources = {
        match
        for path in site.folder.rglob("*.html")
        for match in re.findall(
            r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="(?:https?:)?//[^"]*"',
            path.read_text("utf-8"),
        )
    }
    assert sources == set()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_documented(site, setting):
    page = site.pages["reference/settings.html"]
    assert f"setting-{setting.name}" in page.ids
    text = " ".join(page.text.split())
    for sentence in setting.help.replace("`", "").split(". "):
        assert sentence.strip(" .") in text
    for variable in setting.env:
        assert variable in text


def test_the_page_of_settings_tells_type_default_and_variables(site):
    text = " ".join(site.pages["reference/settings.html"].text.split())
    entry = text[text.index("Folders with plugins, relative") :][:700]
    assert "Type: list of folders; as text, separated by colons" in entry
    assert (
        'Default: ["./plugins"]; in debug mode ["./plugins", "./local_plugins"]' in entry
    )
    assert "Environment variables: PLUGIN_FOLDERS" in entry


def test_no_converter_of_settings_is_shown_by_its_python_name(site):
    text = site.pages["reference/settings.html"].text
    assert re.findall(r"Type:\s*as_\w+", text) == []


def test_every_route_of_the_runner_is_documented(site, app):
    text = site.pages["reference/rest-api.html"].text
    for rule in app.url_map.iter_rules():
        assert re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) in text


def test_every_page_of_the_runner_has_a_summary(site):
    html = (site.folder / "reference" / "rest-api.html").read_text("utf-8")
    cells = re.findall(r"<td\b[^>]*>(.*?)</td>", html, re.DOTALL)
    assert len(cells) > 60
    assert all(re.sub(r"<[^>]*>", "", cell).strip() for cell in cells)


def test_every_command_of_flask_is_documented(site, app):
    text = site.pages["reference/commands.html"].text
    context = click.Context(app.cli)
    for name in app.cli.list_commands(context):
        command = app.cli.get_command(context, name)
        assert f"flask {name}" in text
        if isinstance(command, click.Group):
            for inner in command.list_commands(context):
                assert f"flask {name} {inner}" in text


def test_every_task_of_invoke_is_documented(site):
    listed = subprocess.check_output(
        [sys.executable, "-m", "invoke", "--list", "--list-format=json"],
        cwd=CHECKOUT,
        text=True,
    )
    text = site.pages["reference/commands.html"].text
    tasks = json.loads(listed)["tasks"]
    assert "worker" in [task["name"] for task in tasks]
    for task in tasks:
        assert f"invoke {task['name']}" in text


def test_every_script_is_documented(site):
    text = site.pages["reference/commands.html"].text
    for script in (CHECKOUT / "scripts").iterdir():
        if script.is_file() and script.suffix != ".sh":
            assert f"scripts/{script.name}" in text
            assert f"usage: scripts/{script.name}" in text


def test_every_option_of_the_start_is_documented(site, capsys):
    main(["run", "--help"])
    options = set(re.findall(r"--[a-z]+", capsys.readouterr().out))
    assert "--instance" in options
    text = site.pages["reference/commands.html"].text
    assert {option for option in options if option not in text} == set()


def test_every_finding_of_the_checks_is_documented(site):
    text = " ".join(site.pages["how-to/check-a-plugin.html"].text.split())
    assert [code for code in FINDINGS if code not in text] == []
    assert "The module defines no plugin." in text


def test_every_health_check_is_documented(site):
    text = " ".join(site.pages["how-to/health-checks.html"].text.split())
    for check in CHECKS:
        assert check.name in text
        assert " ".join(inspect.getdoc(check.look).split()) in text


def test_every_shim_is_documented(site):
    text = site.pages["reference/compatibility.html"].text
    for shim in SHIMS:
        assert shim.name in text
        assert shim.serves in text
        assert shim.advice in text


def modules_for_authors():
    names = [
        f"{plugin_utils.__name__}.{m.name}"
        for m in pkgutil.iter_modules(plugin_utils.__path__)
    ]
    rest = "api.util api.plugin_schemas api.extra_fields celery db.models.tasks requests storage tasks"
    rest += " registry_client registry_client.client registry_client.types"
    rest += " db.models.virtual_plugins util.plugins util.logging util.config"
    names += [f"{qhana_plugin_runner.__name__}.{name}" for name in rest.split()]
    return [name for name in names if not name.rpartition(".")[2].startswith("_")]


@pytest.mark.parametrize("module", modules_for_authors())
def test_every_module_for_plugin_authors_is_documented_with_all_its_names(site, module):
    ids = {
        id_ for name, page in site.pages.items() if "python/" in name for id_ in page.ids
    }
    assert f"module-{module}" in ids
    loaded = importlib.import_module(module)
    own = {
        f"{module}.{name}"
        for name in getattr(loaded, "__all__", None) or vars(loaded)
        if not name.startswith("_")
        and getattr(getattr(loaded, name), "__module__", None) == module
    }
    assert own - ids - NOT_FOR_AUTHORS == set()
