"""The commands and the plugin of the tutorial, as they stand there, on a running product.

The tutorial says ``http://127.0.0.1:5005/``. That port may be taken on the machine of a test, so
curl is told in its own configuration to connect to the product's port instead, and the worker, by
a rewrite rule, to fetch from there.
"""

import doctest
import json
import os
import re
import socket
import subprocess
import sys

import pytest
from helpers.markdown import blocks, only_block
from helpers.product import CHECKOUT, Product

WRITTEN = "http://127.0.0.1:5005/"

_MARK = "--- end of block"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder in which the commands are called, with what they need of the checkout."""
    home = tmp_path_factory.mktemp("tutorial")
    (home / "examples").symlink_to(CHECKOUT / "examples")
    (home / "my-plugins").mkdir()
    code = only_block("tutorial/first-plugin.md", "plugin").text
    (home / "my-plugins" / "count_words.py").write_text(code, "utf-8")
    return home


@pytest.fixture(scope="module")
def product(home):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environment = {
        "PLUGIN_FOLDERS": f"{CHECKOUT / 'plugins'}:{home / 'my-plugins'}",
        "URL_MAP": json.dumps({f"^{re.escape(WRITTEN)}": f"http://127.0.0.1:{port}/"}),
    }
    (home / ".curlrc").write_text(
        f'connect-to = "127.0.0.1:5005:127.0.0.1:{port}"\nnoproxy = "*"\n'
    )
    with Product(home / "instance", port=port, environment=environment) as product:
        yield product


@pytest.fixture
def call(product, home):
    """Call commands in one shell; return what each of them printed."""

    def call(commands):
        script = "".join(f"{command}\necho '{_MARK}'\n" for command in commands)
        result = subprocess.run(
            ["bash", "-eu", "-c", script],
            cwd=home,
            env={**os.environ, "CURL_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert result.returncode == 0, result.stdout + result.stderr + product.log
        return result.stdout.split(f"{_MARK}\n")[:-1]

    return call


def pairs(page):
    """Return each command of a page with the output that is shown for it, if any."""
    found = []
    for block in blocks(page, "tested", "output"):
        if block.kind == "tested":
            found.append([block.text, None])
        else:
            found[-1][1] = block.text
    return found


@pytest.mark.parametrize("page", ["tutorial/first-run.md", "tutorial/first-plugin.md"])
def test_the_commands_do_what_the_page_says(call, product, page):
    expected = pairs(page)
    printed = call([command for command, _ in expected])
    assert len(printed) == len(expected) >= 2
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for (command, wanted), got in zip(expected, printed, strict=True):
        if wanted is not None:
            right = doctest.OutputChecker().check_output(wanted, got, flags)
            assert right, f"{command}printed\n{got}and not\n{wanted}{product.log}"


def test_the_first_plugin_has_metadata_a_form_and_documentation(call):
    url = f"{WRITTEN}plugins/count-words@v0-1-0/"
    metadata, form, right, wrong, document = call(
        [
            f"curl -sf {url}",
            f"curl -sf {url}ui/?text=hello",
            f"curl -sf -d text=hello {url}ui/",
            f"curl -sf -d other=hello {url}ui/",
            f"curl -sf {WRITTEN}api-spec.json",
        ]
    )
    assert json.loads(metadata)["entryPoint"]["uiHref"].endswith(
        "/count-words@v0-1-0/ui/"
    )
    for shown in (form, right):
        assert re.search(r'<textarea[^>]*name="text"[^>]*>\s*hello', shown)
        assert "Missing data" not in shown
    assert 'role="status"' in right
    assert "Missing data for required field" in wrong
    assert "/plugins/count-words@v0-1-0/process/" in json.loads(document)["paths"]


def test_the_form_has_the_fields_that_the_first_lesson_names(call):
    (form,) = call([f"curl -sf {WRITTEN}plugins/entity-statistics@v1-0-0/ui/"])
    text = re.sub(r"<[^>]*>", " ", form)
    assert re.search(r"\bEntities\b", text)
    assert re.search(r"\bor a file\b", text)


def test_the_first_plugin_is_short():
    lines = only_block("tutorial/first-plugin.md", "plugin").text.splitlines()
    assert len([line for line in lines if line.strip()]) <= 15


def test_the_first_plugin_is_called_as_the_page_does(home):
    code = only_block("tutorial/first-plugin.md", "plugin-call").text
    folder = home / "my-plugins"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, timeout=120)


def test_the_log_of_the_start_is_as_shown(product):
    assert re.search(
        r"^run         \| ready: http://127\.0\.0\.1:\d+/$", product.log, re.MULTILINE
    )
