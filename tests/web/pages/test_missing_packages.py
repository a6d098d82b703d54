"""Plugins whose packages are missing, where people look for plugins."""

import json

COMPUTES = '''
from qhana_plugin_runner.authoring import plugin

@plugin(version="v1.0.0", tags=["many"], requirements=["large-package>=2"], outputs={"o": "x"})
def computes(text: str) -> str:
    """Compute it with a **large** package.

    Args:
        text: what to compute.
    """
    import large_package

    return large_package.compute(text)
'''


def test_it_is_listed_with_its_texts_and_the_command(plugins, visit):
    plugins.write("computes.py", COMPUTES)
    app = plugins.app(DEBUG=True)
    client = app.test_client()
    section = visit(client, "/").one("section", aria_labelledby="missing")
    assert section.one("li").one("h3").words.startswith("Computes")
    assert section.one("li").one("strong").words == "large"
    assert "flask plugin install computes" in section.words
    notes = visit(client, "/debug/").one("section", aria_labelledby="notes").words
    assert "large-package>=2" in notes and "flask plugin install computes" in notes
    found = visit(client, "/?q=large&tag=many")
    assert found.one("section", aria_labelledby="missing").one("h3")
    assert visit(client, "/?q=small").all("section", aria_labelledby="missing") == []
    shown = app.test_cli_runner().invoke(args=["plugin", "list"]).output
    assert "missing  computes@v1-0-0  v1.0.0" in shown
    assert "Compute it with a **large** package.\n" in shown
    assert "flask plugin install computes" in shown
    (row,) = json.loads(
        app.test_cli_runner().invoke(args=["plugin", "list", "--json"]).output
    )
    assert row["state"] == "missing" and row["description"].startswith("Compute it")
