"""Strange web sites: under which names the runner answers, and to whose pages."""

import re
import socket
import subprocess
from urllib.parse import urljoin, urlsplit

import pytest
from helpers.plugins import plugin_source
from helpers.processes import wait_until
from helpers.product import outside_environment

from qhana_plugin_runner.launcher.commands import web_command
from qhana_plugin_runner.util.config import ConfigError, read_settings

EVIL = "https://evil.example"
UI = "https://ui.example.org"

REACHED = 415
"""What the view says that gets a request of the tests which changes something."""

PATHS = (
    "/",
    "/plugins",  # is redirected
    "/plugins/attacked/",  # so is this
    "/plugins/attacked@v1-0-0/",
    "/tasks/",
    "/tasks/1/",
    "/static/microfrontend.js",
    "/licenses/",
    "/unknown",
)


class Browser:
    """Sends requests as a page in a browser does.

    Args:
        app: the runner
        bound_to: the address that its web server listens on
    """

    def __init__(self, app, bound_to):
        self.app = app
        self._client = app.test_client()
        self._bound_to = bound_to

    def get(self, path="/tasks/", host="localhost:5005", **headers):
        return self.send("GET", path, host, **headers)

    def post(self, path="/tasks/1/", host="localhost:5005", **headers):
        return self.send("POST", path, host, **headers)

    def send(self, method, path, host, **headers):
        return self._client.open(
            path,
            method=method,
            buffered=True,
            headers={name.replace("_", "-"): text for name, text in headers.items()},
            environ_overrides={"SERVER_NAME": self._bound_to, "HTTP_HOST": host},
        )

    def preflight(self, origin, method="DELETE", **headers):
        return self.send(
            "OPTIONS",
            "/tasks/1/",
            "localhost:5005",
            Origin=origin,
            Access_Control_Request_Method=method,
            Access_Control_Request_Headers="content-type,x-own",
            **headers,
        )


@pytest.fixture
def served(plugins):
    """Make an app that is served on loopback, or on another address."""
    plugins.write("attacked.py", plugin_source("attacked"))

    def make(bound_to="127.0.0.1", **settings):
        return Browser(plugins.app(**settings), bound_to)

    return make


@pytest.fixture
def local(served):
    return served()


@pytest.fixture
def public(served):
    return served("0.0.0.0")


def readers(answer):
    """Return whose pages may read an answer."""
    return answer.headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE"])
def test_dns_rebinding_gets_nothing_from_a_local_runner(local, method, path):
    """As in CVE-2025-62593 (Ray) and CVE-2025-66416 (MCP SDK)."""
    answer = local.send(
        method, path, "rebind.evil.example:5005", User_Agent="curl/8", Origin=EVIL
    )
    assert (answer.status_code, answer.mimetype) == (421, "application/json")
    assert "Location" not in answer.headers
    assert readers(answer) is None
    if method != "HEAD":
        assert "ALLOWED_HOSTS" in answer.json["message"]
        assert "SERVER_NAME" in answer.json["message"]


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0:5005",  # leads to this machine, as nothing else does in a browser
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "127.0.0.1.",
        "evil-localhost",
        "localhost:5005@evil.example",
        "localhost:evil.example",
        "localhost, evil.example",
        "[::1].evil.example",
        "192.168.0.1",
        "[::]",
        "localhost/",
        "ⓛocalhost".encode().decode("latin-1"),
    ],
)
def test_a_host_that_looks_like_loopback_is_none(local, host):
    expected = 200 if host == "127.0.0.1." else 421  # with the dot of the root
    assert local.get(host=host).status_code == expected


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:5005",
        "localhost.:5005",
        "qhana.localhost:80",
        "127.0.0.1:5005",
        "127.8.9.1",
        "[::1]:5005",
        "[::ffff:127.0.0.1]",
        "",
    ],
)
def test_a_local_runner_answers_to_names_of_this_machine(local, host):
    assert local.get(host=host).status_code == 200


def test_a_local_runner_answers_to_the_names_of_its_settings(served):
    browser = served(
        ALLOWED_HOSTS="qhana.example, *.lab.example,fd00::1", SERVER_NAME="own:80"
    )
    for host in ("qhana.example:80", "a.b.lab.example", "[fd00::1]:5005", "OWN:80"):
        assert browser.get(host=host).status_code == 200, host
    for host in ("lab.example", "evillab.example", "other", "qhana.example.evil"):
        assert browser.get(host=host).status_code == 421, host


def test_a_public_runner_answers_to_all_names_unless_it_is_told_which(served):
    assert served("0.0.0.0").get(host="any.example").status_code == 200
    told = served("0.0.0.0", ALLOWED_HOSTS="qhana.example")
    assert told.get(host="qhana.example").status_code == 200
    assert told.get(host="localhost:8080").status_code == 200  # a check of health
    assert told.get(host="any.example").status_code == 421
    assert served(ALLOWED_HOSTS="*").get(host="any.example").status_code == 200


def test_a_host_in_a_redirect_or_link_is_never_a_strange_one(served):
    """As in CVE-2021-30185 (Indico)."""
    browser = served("10.0.0.1", ALLOWED_HOSTS="qhana.example", REVERSE_PROXY_COUNT=1)
    for name in ("Host", "X_Forwarded_Host"):
        for path in PATHS:
            hosts = {"host": "evil.example"} if name == "Host" else {name: "evil.example"}
            answer = browser.get(path, **hosts)
            assert answer.status_code == 421, (name, path)
            assert "Location" not in answer.headers


def test_a_proxy_makes_a_runner_public_whatever_it_is_bound_to(served):
    browser = served(REVERSE_PROXY_COUNT=1)
    assert browser.get(host="any.example").status_code == 200
    assert readers(browser.get(Origin=EVIL)) == "*"


@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost.evil.example"])
@pytest.mark.parametrize("path", PATHS)
def test_a_strange_page_reads_nothing_of_a_local_runner(local, path, origin):
    """As in CVE-2022-30034 (Flower) and CVE-2024-47084 (Gradio)."""
    for extra in ({}, {"Cookie": "session=1"}):
        answer = local.get(path, Origin=origin, Sec_Fetch_Site="cross-site", **extra)
        assert readers(answer) is None
        assert "Origin" in answer.vary
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "FOO"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": EVIL, "Sec_Fetch_Site": "cross-site"},
        {"Origin": "null", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "null", "Sec_Fetch_Site": "same-site"},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://evil.example:5005"},
        {"Origin": "file://localhost"},
        {"Origin": "http://localhost@evil.example"},
        {"Origin": EVIL, "Cookie": "session=1"},
    ],
)
def test_a_strange_page_changes_nothing_on_a_local_runner(local, method, headers):
    answer = local.send(method, "/tasks/1/", "localhost:5005", **headers)
    assert answer.status_code == 403
    assert "ALLOWED_ORIGINS" in answer.json["message"]
    assert readers(answer) is None


def test_cross_site_form_post_does_not_start_a_task(local):
    """A form needs no preflight, and the browser follows the redirect by itself."""
    answer = local.post(
        "/plugins/attacked@v1-0-0/",
        Origin=EVIL,
        Sec_Fetch_Site="cross-site",
        Content_Type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("origin", [EVIL, "null"])
def test_a_preflight_of_a_strange_page_allows_nothing(local, origin):
    """Nor the private network, as Flask-CORS did (CVE-2024-6221)."""
    answer = local.preflight(origin, Access_Control_Request_Private_Network="true")
    allowed = [name for name, _ in answer.headers if name.startswith("Access-Control")]
    assert allowed == []


FRIENDS = [
    "http://localhost:4200",
    "https://localhost",
    "http://127.0.0.1:8080",
    "http://[::1]:3000",
    "http://ui.localhost:1",
]


@pytest.mark.parametrize("origin", FRIENDS)
def test_pages_of_this_machine_may_use_a_local_runner(local, origin):
    headers = {"Origin": origin, "Sec_Fetch_Site": "same-site"}
    assert readers(local.get(**headers)) == origin
    answer = local.post(**headers)
    assert (answer.status_code, readers(answer)) == (REACHED, origin)
    answer = local.preflight(origin, Access_Control_Request_Private_Network="true")
    assert readers(answer) == origin
    assert "DELETE" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type,x-own"
    assert "Access-Control-Allow-Private-Network" not in answer.headers


def test_programs_may_do_everything(local):
    answer = local.post()
    assert (answer.status_code, readers(answer)) == (REACHED, None)
    assert local.post(Sec_Fetch_Site="none").status_code == REACHED


def test_own_pages_may_do_everything_behind_a_proxy_that_nobody_told_of(local):
    answer = local.post(Origin="https://qhana.example", Sec_Fetch_Site="same-origin")
    assert answer.status_code == REACHED


def test_pages_of_the_listed_origins_may_use_the_runner(served):
    for bound_to in ("127.0.0.1", "0.0.0.0"):
        browser = served(bound_to, ALLOWED_ORIGINS=f"{UI}:443/ https://other.example")
        host = "qhana.example.org" if bound_to == "0.0.0.0" else "localhost"
        assert readers(browser.get(host=host, Origin=UI)) == UI
        assert browser.post(host=host, Origin=UI).status_code == REACHED
        for strange in (EVIL, f"{UI}:8443", "http://ui.example.org", f"{UI}.evil"):
            assert readers(browser.get(host=host, Origin=strange)) is None
            assert browser.post(host=host, Origin=strange).status_code == 403


def test_a_public_runner_with_a_list_has_friends_on_its_own_host(served):
    browser = served("0.0.0.0", ALLOWED_ORIGINS=UI)
    for origin, friendly in {
        "http://qhana.example.org:4200": True,
        "https://qhana.example.org": True,
        "http://localhost:4200": False,  # the machine of whoever visits a page
        "http://example.org": False,
        "http://evil.qhana.example.org": False,
    }.items():
        answer = browser.post(host="qhana.example.org:8080", Origin=origin)
        assert answer.status_code == (REACHED if friendly else 403), origin
        assert readers(answer) == (origin if friendly else None)


def test_a_public_runner_without_a_list_is_open_and_says_so_once(public, caplog):
    for _ in range(2):
        answer = public.post(host="qhana.example.org", Origin=EVIL)
        assert (answer.status_code, readers(answer)) == (REACHED, "*")
        assert readers(public.get(Origin="null")) == "*"
        assert "DELETE" in public.preflight(EVIL).headers["Access-Control-Allow-Methods"]
    warnings = [each for each in caplog.messages if "ALLOWED_ORIGINS" in each]
    assert len(warnings) == 1
    assert "ALLOWED_HOSTS" in warnings[0]


def test_a_public_runner_that_asks_nobody_names_the_command_that_mends_it(served, caplog):
    for bound_to in ("127.0.0.1", "0.0.0.0"):
        served(bound_to, ALLOWED_ORIGINS="*").get()
    (text,) = [each for each in caplog.messages if "AUTH_MODE" in each]
    assert "bound to 0.0.0.0" in text and "flask token create --role run" in text


def test_a_public_runner_with_tokens_has_nothing_to_warn_of(served, caplog):
    served("0.0.0.0", ALLOWED_ORIGINS="*", AUTH_MODE="token").get()
    assert "AUTH_MODE" not in caplog.text


def test_a_runner_that_is_open_on_purpose_says_nothing(served, caplog):
    for bound_to in ("127.0.0.1", "0.0.0.0"):
        browser = served(bound_to, ALLOWED_ORIGINS="*")
        assert readers(browser.get(Origin=EVIL)) == "*"
        assert browser.post(Origin=EVIL).status_code == REACHED
    assert "ALLOWED_ORIGINS" not in caplog.text


FRAMES = """
@BLP.route("/ui/")
def ui():
    return "a form"

@BLP.route("/own-policy/")
def own_policy():
    return "a form", {"Content-Security-Policy": "sandbox"}
"""


def policy_of(answer):
    """Return the directives of the policy of an answer."""
    policy = answer.headers.get("Content-Security-Policy", "")
    return dict(each.strip().partition(" ")[::2] for each in policy.split(";") if each)


def test_clickjacking_frames_neither_own_pages_nor_those_of_plugins(served, plugins):
    plugins.write("framed.py", plugin_source("framed", more=FRAMES))
    ui, own = "/plugins/framed@v1-0-0/ui/", "/licenses/"
    here = "http://localhost:* http://*.localhost:* http://127.0.0.1:*"
    for browser, host, framers in [
        (served(), "localhost:5005", f"'self' {here}"),
        (served(), "[::1]:5005", f"'self' {here}"),
        (
            served(ALLOWED_HOSTS="a.example"),
            "a.example",
            f"'self' http://a.example:* {here}",
        ),
        (served("0.0.0.0", ALLOWED_ORIGINS=UI), "own:80", f"'self' http://own:* {UI}"),
    ]:
        assert policy_of(browser.get(ui, host)) == {"frame-ancestors": framers}
        page = policy_of(browser.get(own, host, Accept="text/html"))
        assert page["frame-ancestors"] == framers


def test_a_public_runner_without_a_list_lets_all_frame_its_micro_frontends(
    served, plugins
):
    plugins.write("framed.py", plugin_source("framed", more=FRAMES))
    browser = served("0.0.0.0")
    assert policy_of(browser.get("/plugins/framed@v1-0-0/ui/")) == {}
    page = policy_of(browser.get("/licenses/", Accept="text/html"))
    assert page["frame-ancestors"] == "'self'"


def test_no_page_of_the_runner_forgets_its_policy(served):
    """As in CVE-2026-44727 (Jupyter Server): one route had other headers than all others."""
    browser = served(DEBUG=True)
    rules = [
        rule
        for rule in browser.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and "attacked" not in rule.rule
    ]
    pages = set()
    for rule in rules:
        path = re.sub("<(?:[^:<>]*:)?[^<>]*>", "1", rule.rule)
        answer = browser.get(path, Accept="text/html")
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        if answer.mimetype == "text/html":
            pages.add(path)
            policy = policy_of(answer)
            assert policy["default-src"] == "'self'", path
            assert "unsafe" not in policy.get("script-src", ""), path
            assert policy["frame-ancestors"].startswith("'self'"), path
            assert answer.headers["Referrer-Policy"] == "same-origin", path
            assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin", path
    assert {"/", "/licenses/", "/redoc/", "/tasks/", "/debug/"} <= pages


def test_a_policy_of_its_own_stays(served, plugins):
    plugins.write("framed.py", plugin_source("framed", more=FRAMES))
    answer = served().get("/plugins/framed@v1-0-0/own-policy/")
    assert policy_of(answer) == {"sandbox": ""}


def test_a_framed_address_adds_no_directive(served):
    for url in ("http://a;script-src%20*", "http://a%20*/", "http://a,script-src%20*/"):
        browser = served(DEBUG=True)
        answer = browser.get(f"/debug/frontend-debugger?url={url}")
        assert set(policy_of(answer)) <= {"frame-src", *policy_of(browser.get("/debug/"))}
        assert "*" not in policy_of(answer).get("frame-src", "")


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/plugins",
        "/\\evil.example/plugins",
        "/%5Cevil.example/plugins",
        "/plugins//evil.example",
        "/%2F/evil.example",
        "/plugins/attacked%0d%0aLocation:%20http:%2f%2fevil.example/",
        "/plugins/..%2F..%2Fevil.example/",
        "/plugins/attacked/?next=//evil.example",
    ],
)
def test_open_redirects_lead_to_own_paths_only(local, path):
    """As in CVE-2025-64481 (Datasette) and CVE-2020-28724 (Werkzeug)."""
    answer = local.get(path)
    target = urljoin("http://localhost:5005/plugins/", answer.headers.get("Location", ""))
    assert urlsplit(target.replace("\\", "/")).netloc == "localhost:5005"


def test_a_content_type_of_a_request_is_not_reflected(local):
    """As in CVE-2023-6568 (MLflow)."""
    for path in PATHS:
        script = "text/html;<script>alert(1)</script>"
        answer = local.post(path, Content_Type=script, Accept=script)
        assert "<script>" not in answer.text + str(answer.headers), path


def test_the_landing_page_says_when_all_pages_may_use_the_runner(served):
    for browser, is_told in [
        (served(), False),
        (served("0.0.0.0"), True),
        (served("0.0.0.0", ALLOWED_ORIGINS=UI), False),
        (served("0.0.0.0", ALLOWED_ORIGINS="*"), False),
    ]:
        page = browser.get("/", Accept="text/html").text
        assert ("ALLOWED_ORIGINS" in page) is is_told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", "https://qhana.example.org"),
        ("ALLOWED_HOSTS", "qhana.example.org:5005"),
        ("ALLOWED_HOSTS", "evil*"),
        ("ALLOWED_HOSTS", [5]),
        ("ALLOWED_ORIGINS", "ui.example.org"),
        ("ALLOWED_ORIGINS", "https://ui.example.org/path"),
        ("ALLOWED_ORIGINS", "https://*.example.org"),
        ("ALLOWED_ORIGINS", "null"),
        ("ALLOWED_ORIGINS", {"a": 1}),
    ],
)
def test_a_list_that_would_never_match_is_refused(plugins, name, value):
    with pytest.raises(ConfigError, match=f"{name} .* must be "):
        plugins.app(**{name: value})


def test_an_empty_list_has_no_origin(tmp_path, served):
    browser = served("0.0.0.0", ALLOWED_ORIGINS=[])
    assert browser.post(host="qhana.example", Origin=EVIL).status_code == 403
    assert read_settings(tmp_path)["ALLOWED_ORIGINS"] is None


def test_what_gunicorn_is_bound_to_decides_and_never_the_host_header(tmp_path):
    """For a Unix socket, gunicorn passes on the ``Host`` header as its own name."""
    path, log_path = tmp_path / "socket", tmp_path / "log"
    with socket.create_server(("", 0)) as local, socket.create_server(("", 0)) as public:
        ports = [each.getsockname()[1] for each in (local, public)]
    command = web_command(bind=f"127.0.0.1:{ports[0]}", workers=1)
    command[-1:-1] = ["--bind", f"0.0.0.0:{ports[1]}", "--bind", f"unix:{path}"]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command,
            env=outside_environment(
                QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path), PLUGIN_FOLDERS=""
            ),
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: "Booting worker" in log_path.read_text(), 60, "a start")
        statuses = [
            _status(server, host)
            for server in (*ports, str(path))
            for host in ("evil.example", "localhost")
        ]
    finally:
        process.terminate()
        process.wait(60)
    assert statuses == [421, 200, 200, 200, 200, 200]
    text = log_path.read_text()
    assert text.count("ALLOWED_ORIGINS is not set") == 1
    assert text.index("ALLOWED_ORIGINS is not set") < text.index("Booting worker")


def _status(server, host):
    family = socket.AF_UNIX if isinstance(server, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(60)
        client.connect(server if isinstance(server, str) else ("127.0.0.1", server))
        client.sendall(f"GET /static/forms.css HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        return int(client.recv(100).split()[1])
