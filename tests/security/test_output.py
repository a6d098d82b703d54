"""Attacks by text that pages show."""

import re
from pathlib import Path

import pytest
from helpers.html_tree import read_html

from qhana_plugin_runner.forms.jinja_helpers import markdown
from qhana_plugin_runner.storage import STORE

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(
    path
    for folder in ("qhana_plugin_runner", "plugins")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".html", ".jinja", ".jinja2", ".xml", ".svg", ".j2")
    and "templates" in path.parts
)


@pytest.mark.parametrize("name", ["forms", "body", "getElementById", "user-content-x"])
@pytest.mark.parametrize("attribute", ["id", "name"])
def test_dom_clobbering_by_markdown(name, attribute):
    """GHSA-9q39-rmj3-p4r2 of JupyterLab, CVE-2026-59930 of mistune."""
    text = f'<a {attribute}="{name}">a</a><img {attribute}="{name}">\n\n# b {{#{name}}}'
    for element in read_html(str(markdown(text))).walk():
        for each in ("id", "name"):
            value = element.attributes.get(each)
            assert value is None or value == f"user-content-{name}"


def test_links_to_anchors_of_the_same_text_work():
    html = read_html(
        str(markdown('<a id="more"></a>\n\n[a](#more) [b](https://a.b/#more)'))
    )
    anchor, inner, outer = html.all("a")
    assert anchor["id"] == "user-content-more"
    assert inner["href"] == f"#{anchor['id']}"
    assert outer["href"] == "https://a.b/#more"


@pytest.mark.parametrize(
    "text",
    [
        "```{figure} x\n:width: 1px' onload='alert(1)\n```",
        ".. include:: /etc/passwd",
        "![a](data:text/html;base64,PHNjcmlwdD4=)",
        "[a](vbscript:x) [a](data:text/html,x)",
        "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        '# a" onclick="alert(1)',
    ],
)
def test_script_in_description(text):
    """GHSA-pxch-wr7m-rwxj of Airflow; CVE-2026-44897 of mistune."""
    for element in read_html(str(markdown(text))).walk():
        assert element.tag not in ("script", "style", "math", "noscript", "iframe")
        assert not [name for name in element.attributes if name.startswith("on")]
        for name in ("href", "src"):
            link = (element.attributes.get(name) or "").lower()
            assert not link.startswith(("data:", "vbscript:", "javascript:"))


def test_no_template_switches_escaping_off():
    assert len(TEMPLATES) > 20
    for path in TEMPLATES:
        found = re.findall(
            r"\|\s*safe\b|autoescape\s+false|Markup\(", path.read_text("utf-8")
        )
        assert not found, path


def test_templates_of_each_kind_escape(plugins):
    app = plugins.app()
    escapes = app.jinja_env.autoescape
    for path in TEMPLATES:
        assert escapes(path.name), path


@pytest.mark.parametrize(
    "cell",
    [
        '=HYPERLINK("http://evil.example";"x")',
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(1)",
        "\t=1+1",
        "<img src=x onerror=alert(1)>",
        "</td></table><script>alert(1)</script>",
        "javascript:alert(1)",
        "{{ 7 * 7 }}",
    ],
)
def test_formula_injection_is_text_in_the_preview_of_a_csv(task, client, cell):
    """CVE-2022-24770 of Gradio: a preview shows what the file holds, and nothing acts."""
    quoted = '"' + cell.replace('"', '""') + '"'
    content = f"ID,{quoted}\n1,{quoted}\n"
    file = STORE.persist_task_result(task.id, content, "x.csv", "entity/list", "text/csv")
    own = f"/files/{file.id}/?file-id={file.security_tag}"
    page = read_html(client.get("/workbench/preview", query_string={"url": own}).text)
    assert page.all("th")[1].text == page.all("td")[1].text == cell
    for element in page.one("table").walk():
        assert element.tag in "table thead tbody tr th td".split()
        assert element.attributes.keys() <= {"scope"}
    assert client.get(own, buffered=True).text == content  # as the plugin has made it


def test_no_command_goes_through_a_shell():
    """Programs get lists of arguments; in those are URLs of repositories and names of packages."""
    forbidden = r"shell=True|os\.system\(|os\.popen\(|getoutput\(|create_subprocess_shell"
    seen = 0
    for path in (ROOT / "qhana_plugin_runner").rglob("*.py"):
        text = path.read_text("utf-8")
        seen += "subprocess" in text
        assert not re.findall(forbidden, text), path
    assert seen > 5
