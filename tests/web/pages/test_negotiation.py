"""``/`` answers programs with JSON and browsers with a page."""

import pytest

BROWSERS = {
    "firefox": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "chromium": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
    "safari": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "lynx": "text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01",
}
PROGRAMS = {
    "none": None,
    "curl": "*/*",
    "axios": "application/json, text/plain, */*",
    "json": "application/json",
    "plain": "text/plain",
    "json before html": "application/json, text/html;q=0.9",
}


@pytest.mark.parametrize("accept", BROWSERS.values(), ids=BROWSERS)
def test_browsers_get_a_page(client, accept):
    response = client.get("/", headers={"Accept": accept})

    assert response.status_code == 200
    assert response.mimetype == "text/html"
    assert "Accept" in response.vary


@pytest.mark.parametrize("accept", PROGRAMS.values(), ids=PROGRAMS)
def test_programs_get_json(client, accept):
    response = client.get("/", headers={} if accept is None else {"Accept": accept})

    assert response.status_code == 200
    assert response.json == {"title": "QHAna Plugin Runner"}
    assert "Accept" in response.vary
    assert "Content-Security-Policy" not in response.headers
