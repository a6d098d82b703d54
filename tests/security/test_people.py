"""Access tokens: who gets what, and tokens that are not what they seem."""

import json
import re
import threading
import time
from base64 import urlsafe_b64encode
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from helpers.databases import on_each_database
from helpers.plugins import isolated_plugins
from helpers.processes import wait_until
from helpers.runner import runner
from werkzeug.routing import Rule

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.security.people import required_role
from qhana_plugin_runner.security.tokens import Role, issue, issued, revoke
from qhana_plugin_runner.tasking.changes import task_changes
from qhana_plugin_runner.util.config import ConfigError

ROUTES = Path(__file__).with_name("routes.txt")
PLUGINS = str(Path(__file__).parents[2] / "plugins")
DEMOS = "entity-statistics|file-upload|hello-world"
SECRET = "only for tests, and long enough for tokens"

ALLOWED = "ok"
"""Stands for every status that the view itself has answered with."""


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """An app with the demo plugins, and with none that other tests have left."""
    folder = tmp_path_factory.mktemp("people")
    with isolated_plugins(folder):
        with runner(folder, AUTH_MODE="token", PLUGIN_FOLDERS=[PLUGINS]) as app:
            yield app


@pytest.fixture
def client(app):
    return app.test_client()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def a_token(app, role="read", lifetime=timedelta(hours=1)):
    with app.app_context():
        return issue("somebody", Role(role), lifetime)


def signed(key=SECRET, algorithm="HS256", headers=None, **claims):
    claims = {
        "sub": "somebody",
        "type": "access",
        "fresh": False,
        "jti": "made-elsewhere",
        "role": "admin",
        "exp": time.time() + 60,
    } | claims
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def test_each_route_asks_for_the_role_that_the_table_names(app):
    """As with a notebook server whose one new route had no check (CVE-2026-39987).

    Of the plugins the demos have rows: the routes of all others are made by the short form.
    """
    tokens = {"nobody": None} | {role.value: a_token(app, role) for role in Role}
    client = app.test_client()
    lines = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if re.match(f"/plugins/(?!<|$|{DEMOS})", rule.rule):
            continue
        path = re.sub("<[^>]*>", "1", rule.rule)
        for method in sorted(rule.methods - {"OPTIONS", "HEAD"}):
            seen = []
            for token in tokens.values():
                headers = bearer(token) if token else {}
                answer = client.open(path, method=method, headers=headers, buffered=True)
                is_refused = answer.status_code in (401, 403)
                seen.append(str(answer.status_code) if is_refused else ALLOWED)
            lines.append(
                f"{method:<7}{rule.rule:<72}{'  '.join(f'{s:<4}' for s in seen)}"
            )
    head = f"{'':<7}{'':<72}{'  '.join(f'{name:<4.4}' for name in tokens)}"
    table = "\n".join(line.rstrip() for line in [head, *lines]) + "\n"
    assert table == ROUTES.read_text("utf-8"), table


def test_the_api_document_tells_which_operations_need_a_token(client):
    document = client.get("/api-spec.json").get_json()
    asked = {True: 0, False: 0}
    for path, operations in document["paths"].items():
        for method in operations.keys() & {"get", "post", "delete"}:
            needs = operations[method].get("security", document["security"]) != []
            url = re.sub("{[^}]*}", "1", path)
            answer = client.open(url, method=method.upper(), buffered=True)
            assert (answer.status_code == 401) == needs, (method, path)
            asked[needs] += 1
    assert min(asked.values()) > 5, asked
    assert document["security"] == [{"jwt": []}]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": "Bearer " + "a" * 5000},
        {"X-Forwarded-User": "admin"},
    ],
)
def test_missing_and_broken_tokens_are_refused(client, headers):
    answer = client.get("/tasks/", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.get_json()["message"]


def unsigned():
    def part(value):
        return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"sub": "x", "role": "admin", "exp": time.time() + 60, "type": "access"}
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


@pytest.mark.parametrize(
    "make",
    [
        unsigned,
        lambda: signed("another secret, and long enough for tokens"),
        lambda: signed(exp=time.time() - 1),
        lambda: signed(exp=None),
        lambda: signed(nbf=time.time() + 600),
        lambda: signed(type="refresh"),
        lambda: signed(algorithm="HS512", key=SECRET * 2),
    ],
    ids="none-algorithm other-key expired endless future refresh other-algorithm".split(),
)
def test_forged_tokens_are_refused(client, make):
    assert client.get("/tasks/", headers=bearer(make())).status_code == 401


@pytest.mark.parametrize("role", [None, "", "root", "ADMIN", {"admin": 1}, 3])
def test_tokens_without_a_known_role_are_refused(client, role):
    answer = client.get("/tasks/", headers=bearer(signed(role=role)))
    assert answer.status_code == 403
    assert "role read" in answer.get_json()["message"]


def test_tokens_count_as_the_highest_of_their_roles(client):
    token = signed(role=["other", "read", "run"])
    answer = client.delete("/tasks/1/", headers=bearer(token))
    assert answer.status_code == 403
    assert "yours has the role run" in answer.get_json()["message"]


def test_programs_pass_preflights_without_a_token(client):
    assert client.options("/tasks/").status_code == 200


def test_a_cookie_carries_the_token_and_scripts_never_see_it(app):
    client = app.test_client()
    answer = client.post("/login/", data={"token": a_token(app), "next": "/tasks/"})
    assert (answer.status_code, answer.location) == (303, "/tasks/")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert client.get("/tasks/").status_code == 200
    client.post("/logout/")
    assert client.get("/tasks/").status_code == 401


@pytest.mark.parametrize(
    "role, shown", [("read", []), ("run", ["cancel"]), ("admin", ["cancel", "delete"])]
)
def test_a_page_shows_no_button_that_would_be_refused(app, role, shown):
    with app.app_context():
        waiting, ended = ProcessingTask("a"), ProcessingTask("b", task_status="SUCCESS")
        ended.finished_at = utc_now()
        waiting.save(commit=True), ended.save(commit=True)
        ids = waiting.id, ended.id
    buttons = []
    for id_ in ids:
        headers = {"Accept": "text/html", **bearer(a_token(app, role))}
        page = app.test_client().get(f"/tasks/{id_}/", headers=headers)
        assert page.status_code == 200
        buttons += re.findall('data-command="(.*?)"', page.text)
    assert buttons == shown


def test_cookies_of_https_are_secure(app):
    answer = app.test_client().post(
        "/login/", data={"token": a_token(app)}, base_url="https://localhost"
    )
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: "<script>",
        lambda: signed(type="refresh"),
        lambda: signed(exp=None),
        lambda: signed(role="x"),
    ],
    ids="markup refresh endless roleless".split(),
)
def test_login_refuses_tokens_that_are_not_valid(app, make):
    answer = app.test_client().post("/login/", data={"token": make()})
    assert answer.status_code == 401
    assert "<script>" not in answer.text.partition("<main")[2]
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example/x",
        "/\\evil.example",
        "https://evil.example/",
        "/\n/evil.example",
        "x",
    ],
)
def test_open_redirect_after_login(app, target):
    """As in Datasette (CVE-2025-64481): browsers read ``//host`` as another host."""
    data = {"token": a_token(app), "next": target}
    assert app.test_client().post("/login/", data=data).location == "/"


def test_browsers_are_led_to_the_login_and_back(app):
    client = app.test_client()
    answer = client.get("/tasks/?plugin=a", headers={"Accept": "text/html"})
    assert answer.status_code == 302
    shown = client.get(answer.location)
    assert 'value="/tasks/?plugin=a"' in shown.text


@on_each_database
def test_revoked_tokens_are_refused(empty_app):
    with empty_app.app_context():
        issue("somebody", Role.RUN, timedelta(days=1))
        (row,) = issued()
        assert (row.name, row.role, row.revoked_at) == ("somebody", "run", None)
        assert row.expires_at - row.created_at == timedelta(days=1)
        assert revoke(row.id)
        assert not revoke(row.id)
        DB.session.expire_all()
        assert issued()[0].revoked_at is not None


def test_a_revoked_token_ends_a_request_that_waits(app):
    """As in Open WebUI (CVE-2026-109289), where a stream went on."""
    with app.app_context():
        token = issue("waiting", Role.READ, timedelta(hours=1))
        row = next(row for row in issued() if row.name == "waiting")
        token_id = row.id
        task = ProcessingTask("waited-for")
        task.save(commit=True)
        url = f"/tasks/{task.id}/"
    answers = []

    def wait():
        headers = bearer(token) | {"Prefer": "wait=30"}
        answers.append(app.test_client().get(url, headers=headers).status_code)

    thread = threading.Thread(target=wait)
    thread.start()
    with app.app_context():
        wait_until(lambda: task_changes().waiting, 20, "waiting for the task")
        assert revoke(token_id)
    thread.join(20)
    assert answers == [401]


def pem(key):
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        .decode()
    )


@pytest.fixture(scope="module", params=["RS256", "ES256"])
def provider(request, tmp_path_factory):
    """An app that takes the tokens of a provider, with the private key of it."""
    if request.param == "RS256":
        key = rsa.generate_private_key(65537, 2048)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    with runner(
        tmp_path_factory.mktemp("provider"),
        AUTH_MODE="token",
        AUTH_PUBLIC_KEY=pem(key),
        AUTH_ISSUER="https://login.example.org",
        AUTH_AUDIENCE="qhana",
        AUTH_ROLE_CLAIM="realm_access.roles",
    ) as app:
        yield app.test_client(), key, request.param


def of_provider(**claims):
    standard = {"iss": "https://login.example.org", "aud": ["other", "qhana"]}
    roles = {"role": None, "realm_access": {"roles": ["offline", "run"]}}
    return {"type": None, "fresh": None, "jti": None} | standard | roles | claims


def test_tokens_of_an_openid_provider_are_accepted(provider):
    client, key, algorithm = provider
    token = signed(key, algorithm, **of_provider())
    assert client.get("/tasks/", headers=bearer(token)).status_code == 200
    assert client.delete("/tasks/1/", headers=bearer(token)).status_code == 403


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"exp": 1},
    ],
    ids=str,
)
def test_tokens_for_another_audience_are_refused(provider, claims):
    client, key, algorithm = provider
    token = signed(key, algorithm, **of_provider(**claims))
    assert client.get("/tasks/", headers=bearer(token)).status_code == 401


def test_algorithm_confusion_with_the_public_key_as_secret(provider, monkeypatch):
    """The public key is known to all: it must never check an HMAC."""
    client, key, _algorithm = provider
    monkeypatch.setattr("jwt.algorithms.is_pem_format", lambda key: False)
    token = signed(pem(key), "HS256", **of_provider())
    monkeypatch.undo()
    assert client.get("/tasks/", headers=bearer(token)).status_code == 401
    own = signed(**of_provider())
    assert client.get("/tasks/", headers=bearer(own)).status_code == 401


def test_the_command_creates_lists_and_revokes_tokens(app):
    run = app.test_cli_runner().invoke
    made = run(
        args=["token", "create", "--role", "run", "--expires", "2h", "--name", "nina"]
    )
    assert made.exit_code == 0, made.output
    headers = bearer(made.output.strip())
    client = app.test_client()
    assert client.get("/tasks/", headers=headers).status_code == 200
    line = next(
        line for line in run(args=["token", "list"]).output.splitlines() if "nina" in line
    )
    assert made.output.strip() not in line
    assert run(args=["token", "revoke", line.split()[0]]).output == "revoked\n"
    assert client.get("/tasks/", headers=headers).status_code == 401
    assert run(args=["token", "revoke", line.split()[0]]).exit_code == 1


@pytest.mark.parametrize("lifetime", ["7", "0d", "-1d", "d", "9999w", "7y", "٧d"])
def test_the_command_refuses_lifetimes_that_are_none(app, lifetime):
    args = ["token", "create", "--role", "run", "--expires", lifetime]
    result = app.test_cli_runner().invoke(args=args)
    assert result.exit_code == 2
    assert "number with a unit" in result.output


def test_debug_pages_are_for_administrators():
    for endpoint in ("debug.index", "debug.routes"):
        assert required_role(Rule("/debug/", endpoint=endpoint), "GET") is Role.ADMIN


def test_only_who_is_logged_in_can_log_out(app):
    client = app.test_client()
    html = {"Accept": "text/html"}
    assert "/logout/" not in client.get("/", headers=html).text
    client.post("/login/", data={"token": a_token(app)})
    assert "/logout/" in client.get("/", headers=html).text


def test_open_runners_ask_nobody(empty_app):
    client = empty_app.test_client()
    assert client.get("/tasks/").status_code == 200
    assert client.get("/login/").status_code == 404


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", "PS256"])
def test_algorithm_confusion_between_kinds_of_public_keys(provider, algorithm):
    """An algorithm for another kind of key is refused, and is no error of the server."""
    client, _key, _algorithm = provider
    header = urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).decode()
    _header, claims, signature = signed(**of_provider()).split(".")
    token = f"{header.rstrip('=')}.{claims}.{signature}"
    answer = client.get("/tasks/", headers=bearer(token))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("missing", ["AUTH_ISSUER", "AUTH_AUDIENCE"])
def test_tokens_for_other_clients_of_a_provider_cannot_be_allowed(tmp_path, missing):
    settings = {"AUTH_ISSUER": "https://login.example.org", "AUTH_AUDIENCE": "qhana"}
    del settings[missing]
    with pytest.raises(ConfigError, match=f"set {missing}"):
        with runner(tmp_path, AUTH_PUBLIC_KEY="-----BEGIN", **settings):
            pass


def test_the_entrance_is_public_and_the_login_leads_back_behind_a_prefix(tmp_path):
    with runner(tmp_path, AUTH_MODE="token", OPENAPI_URL_PREFIX="/api") as app:
        client = app.test_client()
        assert client.get("/").status_code == 200
        answer = client.get(
            "/api/tasks/",
            headers={"Accept": "text/html"},
            base_url="http://localhost/runner",
        )
    assert answer.location == "/runner/login/?next=/runner/api/tasks/"
