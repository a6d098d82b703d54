"""Who may see how the runner is set up."""

from datetime import timedelta

import pytest
from flask import jsonify
from helpers.runner import runner

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.security.details import may_see_details, require_details
from qhana_plugin_runner.security.people import PUBLIC
from qhana_plugin_runner.security.tokens import Role, issue, issued, revoke


@pytest.fixture(scope="module")
def make_app(tmp_path_factory, request):
    """Make an app with views that tell who may see details."""

    def make_app(**settings):
        context = runner(tmp_path_factory.mktemp("details"), **settings)
        app = context.__enter__()
        request.addfinalizer(lambda: context.__exit__(None, None, None))
        app.add_url_rule("/may", "may", lambda: jsonify(may_see_details()))
        app.add_url_rule("/must", "must", lambda: (require_details(), "seen")[1])
        return app

    return make_app


@pytest.fixture(scope="module")
def open_runner(make_app):
    return make_app()


@pytest.fixture(scope="module")
def behind_two_proxies(make_app):
    return make_app(REVERSE_PROXY_COUNT=2)


def may(app, peer="127.0.0.1", host="localhost:5005", **headers):
    headers = {name.replace("_", "-"): text for name, text in headers.items()}
    answer = app.test_client().get(
        "/may",
        headers=headers,
        environ_overrides={
            "REMOTE_ADDR": peer,
            "HTTP_HOST": host,
            "SERVER_NAME": "0.0.0.0",  # as others can reach it, it takes any host
        },
    )
    assert answer.status_code == 200, answer.text
    return answer.get_json()


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_clients_on_this_machine_see_details(open_runner, peer):
    assert may(open_runner, peer)


@pytest.mark.parametrize("peer", ["10.0.0.1", "::2", "", "unix:", "::ffff:10.0.0.1"])
def test_other_clients_see_none(open_runner, peer):
    assert not may(open_runner, peer)


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Forwarded_For": "127.0.0.1"},
        {"X_Forwarded_For": ""},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 a-proxy"},
        {"X_Real_IP": "127.0.0.1"},
        {"X_Forwarded_Host": "localhost"},
        {"host": "evil.example"},
        {"host": "qhana.example.org:5005"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_what_proxies_and_pages_send_is_not_from_this_machine(open_runner, headers):
    assert not may(open_runner, **headers)


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_people_on_this_machine_see_details(open_runner, site):
    assert may(open_runner, Sec_Fetch_Site=site)


@pytest.mark.parametrize(
    ("peer", "addresses", "expected"),
    [
        ("127.0.0.1", "127.0.0.1, 127.0.0.1", True),
        ("127.0.0.1", "10.0.0.1, 127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1, 10.0.0.1, 127.0.0.1", False),  # the first is made up
        ("127.0.0.1", "127.0.0.1", False),  # came past one of the proxies
        ("127.0.0.1", ", 127.0.0.1", False),
        ("10.0.0.1", "127.0.0.1, 127.0.0.1", False),  # came past both
        ("127.0.0.1", None, True),
    ],
)
def test_trusted_proxies_tell_whose_request_it_is(
    behind_two_proxies, peer, addresses, expected
):
    headers = {} if addresses is None else {"X_Forwarded_For": addresses}
    assert may(behind_two_proxies, peer, **headers) == expected


def test_a_refusal_names_the_setting(open_runner):
    client = open_runner.test_client()
    assert client.get("/must").status_code == 200
    answer = client.get("/must", environ_overrides={"REMOTE_ADDR": "10.0.0.1"})
    assert answer.status_code == 403
    assert "AUTH_MODE=token" in answer.get_json()["message"]


def test_with_tokens_only_administrators_see_details(tmp_path):
    with runner(tmp_path, AUTH_MODE="token") as app:
        assert "licenses.licenses" in PUBLIC
        seen = {}

        def tell():
            seen["details"], seen["link"] = may_see_details(), may_see_details(True)
            return "seen"

        app.view_functions["licenses.licenses"] = tell

        def ask(token):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            assert app.test_client().get("/licenses/", headers=headers).text == "seen"
            return seen["details"], seen["link"]

        def a_token(role, lifetime=timedelta(hours=1)):
            with app.app_context():
                return issue("somebody", role, lifetime)

        admin = a_token(Role.ADMIN)
        assert ask(admin) == (True, True)
        for token in (None, "x.y.z", a_token(Role.RUN), a_token(Role.READ)):
            assert ask(token) == (False, False)
        with app.app_context():
            for row in issued():
                revoke(row.id)
        assert ask(admin) == (False, True)
        with app.app_context():
            DB.drop_all()
        assert ask(admin) == (False, True)
