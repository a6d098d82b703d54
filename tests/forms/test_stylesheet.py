"""``/static/forms.css``."""

import re

import pytest

SCHEMES = ["light", "dark"]
TEXT_PAIRS = [
    ("text", "background"),
    ("text", "surface"),
    ("text", "error-soft"),
    ("muted", "background"),
    ("muted", "surface"),
    ("accent", "background"),
    ("accent", "accent-soft"),
    ("accent-strong", "background"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("error", "background"),
    ("error", "error-soft"),
    ("good", "good-soft"),
    ("warning", "warning-soft"),
]


@pytest.fixture(scope="module")
def stylesheet(app):
    with app.test_client().get("/static/forms.css") as response:
        return response.text


@pytest.fixture(scope="module")
def colors(stylesheet):
    """The colours of both schemes by name."""
    light, dark = (
        dict(re.findall(r"--qhana-([\w-]+): (#[0-9a-f]{6});", part))
        for part in re.findall(r":root \{(.*?)\}", stylesheet, re.DOTALL)
    )
    return {"light": light, "dark": dark}


def _luminance(color):
    # https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
    parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("text, ground", TEXT_PAIRS)
def test_texts_can_be_read(colors, scheme, text, ground):
    # https://www.w3.org/TR/WCAG22/#contrast-minimum
    assert _contrast(colors[scheme][text], colors[scheme][ground]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("edge", ["border", "accent", "error"])
def test_edges_of_inputs_can_be_seen(colors, scheme, edge):
    # https://www.w3.org/TR/WCAG22/#non-text-contrast
    assert _contrast(colors[scheme][edge], colors[scheme]["background"]) >= 3


def test_both_schemes_have_the_same_colors(colors):
    assert colors["light"].keys() == colors["dark"].keys()


def test_nothing_is_loaded_from_elsewhere(stylesheet):
    assert "@import" not in stylesheet
    assert all(
        url.startswith("data:") for url in re.findall(r'url\("?([^)]*)', stylesheet)
    )


def test_browsers_ask_again_and_are_told_when_nothing_has_changed(app):
    client = app.test_client()
    with client.get("/static/forms.css") as first:
        assert first.status_code == 200
        assert first.mimetype == "text/css"
        assert first.cache_control.no_cache
        etag = first.headers["ETag"]

    with client.get("/static/forms.css", headers={"If-None-Match": etag}) as again:
        assert again.status_code == 304
        assert again.data == b""
