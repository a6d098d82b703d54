"""Attacks with URLs that users supply: each test is named after one.

Names are resolved by a substitute, and nothing is reached but loopback: an address that is not
is refused before anything is connected.
"""

import gzip
import socket
import ssl
import threading
import zlib
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle
from types import SimpleNamespace

import pytest
import requests
from helpers.runner import runner
from helpers.site import Chunking, serving
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.exceptions import (
    ContentDecodingError,
    InvalidSchema,
    RequestException,
    TooManyRedirects,
)
from urllib3.util import parse_url

from qhana_plugin_runner.operations.webhooks.call import Meaning, call_for_answer
from qhana_plugin_runner.plugin_utils.interop import (
    call_plugin_endpoint,
    get_plugin_endpoint,
)
from qhana_plugin_runner.registry_client import PLUGIN_REGISTRY_CLIENT
from qhana_plugin_runner.requests import REQUEST_SESSION, FetchRefused, open_url
from qhana_plugin_runner.requests import policy as rules
from qhana_plugin_runner.storage import STORE

METADATA = "http://169.254.169.254/latest/meta-data/"
PRIVATE = ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "::1"]
PRIVATE += ["fd00::1", "fec0::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"]


@pytest.fixture
def names(monkeypatch):
    """What names resolve to: an address, or several answers in turn. Numbers are themselves."""
    known, asked = {}, []
    resolve = socket.getaddrinfo

    def substitute(host, port, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        try:
            return resolve(name, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        except OSError:
            asked.append(name)
        answer = known.get(name)
        if answer is None:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        texts = [answer] if isinstance(answer, str) else next(answer)
        return [found for text in texts for found in substitute(text, port)]

    monkeypatch.setattr(socket, "getaddrinfo", substitute)
    known["asked"] = asked
    return known


@contextmanager
def fetching(tmp_path, **settings):
    with runner(tmp_path, tables=False, **settings) as app, app.app_context():
        REQUEST_SESSION.forget_connections()
        yield app


# addresses


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "2852039166",  # decimal
        "0xA9FEA9FE",
        "0xa9.0xfe.0xa9.0xfe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1:a9fe:a9:fe00::]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[2001:0:a9fe:a9fe::]",  # Teredo, its server
        "[2001::5601:5601]",  # Teredo, its client
        "[fd12::5efe:a9fe:a9fe]",  # ISATAP
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "[fe80::1]",
        "224.0.0.1",
        "[ff02::1]",
        "255.255.255.255",
        "0",
        "0.0.0.0",
        "[::]",
        "metadata.example",
        "metadata.example.",
    ],
)
@pytest.mark.parametrize(
    "form", ["http://{}/", "http://good.example@{}/", "HTTPS://{}:1/"]
)
def test_metadata_and_other_addresses_that_are_never_fetched(names, form, host):
    """CVE-2026-2393, CVE-2025-54381: the server fetches from an address of its host's own."""
    names["metadata.example"] = names["metadata.example."] = "169.254.169.254"
    with pytest.raises(FetchRefused) as caught:
        open_url(form.format(host))
    assert "never fetched" in str(caught.value)


def test_what_was_found_behind_a_name_is_not_told(names):
    names["inside.example"] = "169.254.7.7"
    with pytest.raises(FetchRefused) as caught:
        open_url("http://inside.example/secret?token=1")
    assert "169.254.7.7" not in str(caught.value) and "token" not in str(caught.value)


@pytest.mark.parametrize(
    "host", ["①⑥⑨。②⑤④。①⑥⑨。②⑤④", "１６９.254.169.254", "[fe80::1%25lo]"]
)
def test_other_digits_and_zones(names, host):
    """The host is normalized before it is judged, or is no host."""
    with pytest.raises(RequestException):
        open_url(f"http://{host}/")


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "017700000001"])
def test_other_spellings_of_loopback(tmp_path, site, host):
    url = f"http://{host}:{parse_url(site.put('/', b'secret')).port}/"
    with open_url(url) as response:
        assert response.text == "secret"
    with (
        fetching(tmp_path, URL_FETCH_ALLOW="public"),
        pytest.raises(FetchRefused, match="URL_FETCH_ALLOW"),
    ):
        open_url(url)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_networks_where_only_the_internet_is_allowed(names, tmp_path, address):
    names["inside.example"] = address
    with fetching(tmp_path, URL_FETCH_ALLOW="public"):
        for host in ("inside.example", f"[{address}]" if ":" in address else address):
            with pytest.raises(FetchRefused, match="URL_FETCH_ALLOW"):
                open_url(f"http://{host}/")


def test_networks_and_names_that_a_list_allows(tmp_path):
    with fetching(
        tmp_path, URL_FETCH_ALLOW="10.1.0.0/16, minio:9000 *.example.org"
    ) as app:
        policy = rules.current_policy()
        assert policy is app.extensions["qhana-fetch-policy"]
    for address, host, port, allowed in [
        ("10.1.2.3", "any", 80, True),
        ("::ffff:10.1.2.3", "any", 80, True),
        ("10.2.2.3", "any", 80, False),
        ("8.8.8.8", "any", 80, False),
        ("10.2.2.3", "MINIO", 9000, True),
        ("10.2.2.3", "minio", 6379, False),
        ("10.2.2.3", "minio.evil.example", 9000, False),
        ("10.2.2.3", "a.example.org.", 80, True),
        ("10.2.2.3", "evilexample.org", 80, False),
    ]:
        assert policy._allows(address, host, port) is allowed, (address, host, port)


def test_what_settings_name_stays_allowed(tmp_path):
    with fetching(
        tmp_path,
        URL_FETCH_ALLOW="public",
        SERVER_NAME="qhana.example:8080",
        PLUGIN_REGISTRY_URL="http://registry/api",
        S3_ENDPOINT_URL="http://minio:9000",
        S3_PUBLIC_ENDPOINT_URL="http://no-port:x/",
        URL_REWRITE_RULES={
            "^http://localhost": "http://host.docker.internal",
            "a": r"\1",
        },
    ):
        policy = rules.current_policy()
    for host, port, allowed in [
        ("qhana.example", 8080, True),
        ("qhana.example", 6379, False),
        ("registry", 80, True),
        ("registry", 6379, False),
        ("minio", 9000, True),
        ("host.docker.internal", 5000, True),
        ("localhost", 80, False),
    ]:
        assert policy._allows("10.0.0.1", host, port) is allowed, (host, port)


def test_an_address_among_forbidden_ones(names, tmp_path, site):
    """Of the addresses of a name, one that is allowed is taken, and no other is tried."""
    site.put("/", b"text")
    port = parse_url(site.url).port
    names["two.example"] = cycle([["169.254.169.254", "127.0.0.1"]])
    with open_url(f"http://two.example:{port}/") as response:
        assert response.text == "text"


def test_dns_rebinding_between_check_and_connect(names, site):
    """CVE-2026-64849, CVE-2023-47116: the second answer of the name server is another one."""
    port = parse_url(site.put("/", b"text")).port
    names["rebind.example"] = iter([["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"]])
    with open_url(f"http://rebind.example:{port}/") as response:
        assert response.text == "text"
    assert names["asked"] == ["rebind.example"]
    assert site.requests[0].host == f"rebind.example:{port}"
    REQUEST_SESSION.forget_connections()
    with pytest.raises(FetchRefused):
        open_url(f"http://rebind.example:{port}/")


def certificate(folder, name):
    """Make a key and a certificate for a name, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "tls.pem").write_bytes(
        secret + made.public_bytes(serialization.Encoding.PEM)
    )
    return str(folder / "tls.pem")


def test_certificates_are_checked_against_the_name_not_the_address(names, tmp_path):
    """The address that was judged is connected to, but TLS is with the name."""
    file = certificate(tmp_path, "tls.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    asked = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    names["tls.example"] = names["other.example"] = "127.0.0.1"
    with serving(Hosts(), ssl_context=context) as root:
        port = parse_url(root).port
        with open_url(f"https://tls.example:{port}/", verify=file) as response:
            assert response.status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            open_url(f"https://other.example:{port}/", verify=file)
    assert asked == ["tls.example", "other.example"]


# redirects


@pytest.mark.parametrize(
    "target",
    [
        METADATA,
        "//169.254.169.254/",
        "http://metadata.example/",
        "http://good.example\\@169.254.169.254/",
        "http://[::ffff:169.254.169.254]/",
        "\thttp://2852039166/",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_to_metadata(names, target, status):
    """CVE-2026-64849: the first URL is judged, the redirect is not."""
    names["metadata.example"] = names["good.example%5c"] = "169.254.169.254"

    def redirect(_environ, start_response):  # as it is: Werkzeug's responses tidy it up
        start_response(f"{status} Elsewhere", [("Location", target)])
        return [b""]

    with serving(redirect) as url:
        for method in ("GET", "POST"):
            with pytest.raises(FetchRefused, match="never fetched"):
                REQUEST_SESSION.request(method, url)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "FILE:/etc/passwd", "data:,x", "ftp://host/"]
)
def test_redirect_to_a_file(site, target):
    with pytest.raises(InvalidSchema, match="only redirects to http and https"):
        open_url(site.put("/", status=302, Location=target))


def test_redirects_without_end(site):
    with pytest.raises(TooManyRedirects):
        open_url(site.put("/", status=302, Location="/"))
    assert len(site.requests) <= 31


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_decompression_bomb_in_a_redirect(site, follow, stream):
    """CVE-2026-21441: the body of a redirect is decompressed, however it is read."""
    site.put("/end", b"text")
    bomb = gzip.compress(bytes(30_000_000))
    url = site.put("/", bomb, 302, Location="/end", Content_Encoding="gzip")
    with REQUEST_SESSION.get(url, allow_redirects=follow, stream=stream) as response:
        first = response.history[0] if follow else response
        assert len(first.content) <= 64 * 1024
        assert response.content == b"text" or not follow


# one parser


CONFUSING = [
    "http://good.example@evil.example/",
    "http://good.example:80@evil.example/",
    "http://evil.example\\@good.example/",
    "http://evil.example#@good.example/",
    "http://evil.example?@good.example/",
    "http://evil.example;good.example/",
    "http://good.example%00.evil.example/",
    "http://good.example%2eevil.example/",
    "http://good.ex\tample/",
    "http://good.example\n.evil.example/",
    " http://evil.example/",
    "http:///evil.example/",
    "http:evil.example",
    "http://ｅvil.example/",
    "http://bücher.example/",
    "http://xn--bcher-kva.example/",
    "http://evil。example/",
    "http://[::1]evil.example/",
    "http://[evil.example]/",
    "http://evil.example:80:90/",
    "http://evil.example:99999/",
    "http://" + "a" * 64 + ".example/",
    "http://./",
    "http://",
]


@contextmanager
def every_name_on_loopback(port):
    """Resolve all names, and all numbers, to loopback; remember them."""
    asked = []
    patch = pytest.MonkeyPatch()

    def substitute(host, _port, *_args, **_kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if name != "127.0.0.1":
            name.encode("idna")
            asked.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    patch.setattr(socket, "getaddrinfo", substitute)
    try:
        yield asked
    finally:
        patch.undo()
        REQUEST_SESSION.forget_connections()


class Hosts:
    """Remembers the ``Host`` headers."""

    def __init__(self):
        self.seen = []

    def __call__(self, environ, start_response):
        self.seen.append(environ["HTTP_HOST"])
        start_response("200 OK", [])
        return [b""]


def agree(url):
    hosts = Hosts()
    with serving(hosts) as root, every_name_on_loopback(parse_url(root).port) as asked:
        try:
            response = REQUEST_SESSION.get(url)
        except RequestException:
            assert not hosts.seen
            return
        if not response.url.lower().startswith("http"):
            return
        (resolved,) = asked or ["127.0.0.1"]
        (sent,) = hosts.seen
        # what was judged is what the server was asked for
        asked_for = parse_url(response.url).host, parse_url("http://" + sent).host
        assert len({each.lower().strip("[].") for each in (resolved, *asked_for)}) == 1


@pytest.mark.parametrize("url", CONFUSING)
def test_confusion_about_the_host(url):
    """SSRF filters have another parser than the fetch: here there is only one."""
    agree(url)


PARTS = [
    "good.example",
    "evil.example",
    "127.0.0.1",
    "[::1]",
    "@",
    ":",
    "/",
    "\\",
    "#",
    "?",
]
PARTS += [
    "%",
    "%40",
    "%2f",
    "%00",
    "80",
    ".",
    "。",
    "ａ",
    "ß",
    "\t",
    "\n",
    " ",
    "//",
    "é",
]
PARTS += ["http:", "https:", "\u200b", "İ", "ﬀ", ";", "&", "'", "[", "]"]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=6))
def test_check_and_fetch_agree_on_the_host(parts):
    agree("http://" + "".join(parts))


# files


@pytest.fixture
def etc(tmp_path):
    """A file that nobody is to read, and the folder of a runner beside it."""
    (tmp_path / "runner").mkdir()
    (tmp_path / "passwd").write_text("secret")
    return tmp_path


@pytest.mark.parametrize(
    "url",
    [
        "file://{}/passwd",
        "file://localhost{}/passwd",
        "FILE://{}/passwd",
        "file:{}/passwd",
        "file:////{}/passwd",
        "file://{}/runner/files/../../passwd",
        "file://{}/runner/files/%2e%2e/%2E%2e/passwd",
        "file://{}/runner/files/..%2f../passwd",
        "file://{}/runner/files/link",
        "file://{}/runner/files/folder/passwd",
        "file://{}/runner/files-too/a",
        "file://{}/passwd?/../runner/files/a",
        "file://{}/passwd#/runner/files/a",
        "file://{}/missing",
        "file:///proc/self/environ",
        "file:///dev/zero",
        "\tfile://{}/passwd",
        "fi\nle://{}/passwd",
        "file://{}/passwd%00/../runner/files/a",
        "file://{}/runner/files",
        "file://127.0.0.1{}/passwd",
        "file://evil.example{}/passwd",
        "file://{}/RUNNER/FILES/../../passwd",
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_path_traversal_out_of_the_folders_for_file_urls(etc, url, stream):
    """CVE-2024-1728, CVE-2023-6909: ``file:///etc/passwd`` and its spellings."""
    files = etc / "runner" / "files"
    (etc / "runner" / "files-too").mkdir()
    (etc / "runner" / "files-too" / "a").write_text("secret")
    with fetching(etc / "runner", FILE_URL_FOLDERS=[]):
        files.mkdir()
        (files / "link").symlink_to(etc / "passwd")
        (files / "folder").symlink_to(etc)
        with pytest.raises(RequestException) as caught:
            open_url(url.format(etc), stream=stream)
    assert isinstance(caught.value, ValueError)  # nothing was opened
    assert str(files) not in str(caught.value).replace(url.format(etc), "")


def test_files_of_the_store_and_of_the_folders_that_are_set(etc):
    with fetching(etc / "runner", FILE_URL_FOLDERS=[str(etc / "more")]):
        (etc / "more").mkdir()
        (etc / "more" / "a ä.csv").write_text("ID")
        (etc / "link").symlink_to(etc / "more")
        for folder in ("more", "link"):
            with open_url((etc / folder / "a ä.csv").as_uri()) as response:
                assert response.text == "ID"
        STORE["local_filesystem"].persist_file("text", "task_1/out/a", "text/plain")
        kept = STORE.get_file_url("task_1/out/a", external=False)
        with open_url(kept) as response:
            assert response.text == "text"


def test_a_missing_file_says_the_same_as_one_that_is_there(etc):
    said = set()
    with fetching(etc / "runner", FILE_URL_FOLDERS=[]):
        for name in ("passwd", "nothing"):
            with pytest.raises(FetchRefused, match="FILE_URL_FOLDERS") as caught:
                open_url((etc / name).as_uri())
            said.add(str(caught.value).replace(name, "x"))
    assert len(said) == 1


def test_a_file_url_kept_by_the_store_of_urls(etc):
    """CVE-2026-28416: a URL inside of a file object is fetched."""
    with fetching(etc / "runner", FILE_URL_FOLDERS=[]):
        with pytest.raises(FetchRefused):
            kept = SimpleNamespace(file_storage_data=(etc / "passwd").as_uri())
            with STORE["url_file_store"].open(kept):
                pass


# sizes


def test_decompression_bomb(site):
    """CVE-2025-66471: few bytes become very many."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(1024 * 1024)
    bomb = b"".join(packer.compress(piece) for _ in range(130)) + packer.flush()
    url = site.put("/", bomb, Content_Encoding="gzip")
    readers = [
        lambda response: response.content,
        lambda response: response.raw.read(decode_content=True),
        lambda response: all(response.iter_content(65536)),
    ]
    for read in readers:
        with open_url(url, stream=True) as response:
            with pytest.raises(Exception, match="URL_FETCH_MAX_RATIO"):
                read(response)


def test_decompression_bomb_in_chunks():
    """Streaming is another path than reading all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(1024 * 1024)

    def bomb(_environ, start_response):
        start_response("200 OK", [("Content-Encoding", "gzip")])
        yield from filter(None, (packer.compress(piece) for _ in range(130)))
        yield packer.flush()

    with (
        serving(bomb, handler=Chunking) as url,
        open_url(url, stream=True) as response,
        pytest.raises(ContentDecodingError, match="URL_FETCH_MAX_RATIO"),
    ):
        assert response.raw.chunked
        for _piece in response.iter_content(65536):
            pass


def test_a_long_chain_of_encodings(site):
    """CVE-2025-66418: each encoding multiplies the work."""
    encodings = ", ".join(["gzip"] * 20)
    with pytest.raises(RequestException, match="Too many content encodings"):
        open_url(site.put("/", b"x", Content_Encoding=encodings))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_a_body_larger_than_allowed(tmp_path, site, packed, stream):
    small, large = bytes(5000), bytes(50_000)
    headers = {"Content_Encoding": "gzip"} if packed else {}
    for name, body in (("small", small), ("large", large)):
        site.put(f"/{name}", gzip.compress(body) if packed else body, **headers)
    with fetching(tmp_path, URL_FETCH_MAX_BYTES=10_000):
        with open_url(f"{site.url}/small", stream=stream) as response:
            assert response.content == small
        with pytest.raises(RequestException, match="URL_FETCH_MAX_BYTES"):
            with open_url(f"{site.url}/large", stream=stream) as response:
                b"".join(response.iter_content(100))


@pytest.mark.parametrize("url", ["data:,{}", "data:;base64,{}"])
def test_a_data_url_larger_than_allowed(tmp_path, url):
    """CVE-2026-34753: a data URL is decoded without the limits that other URLs have."""
    with fetching(tmp_path, URL_FETCH_MAX_BYTES=10_000):
        open_url(url.format("abcd" * 1000)).close()
        with pytest.raises(FetchRefused, match="URL_FETCH_MAX_BYTES"):
            open_url(url.format("abcd" * 10_000))


class Endless:
    """A server that goes on sending, in chunks or not."""

    def __init__(self, length):
        self.length = length

    def __call__(self, environ, start_response):
        start_response("200 OK", self.length)
        return (b"x" for _ in cycle([0]))


@pytest.mark.parametrize("length", [[], [("Content-Length", "1000000000")]])
@pytest.mark.parametrize("chunk", [1, 100_000, None])
def test_a_body_without_end(tmp_path, length, chunk):
    with (
        fetching(tmp_path, URL_FETCH_TOTAL_SECONDS=0.2),
        serving(Endless(length)) as url,
        open_url(url, stream=True) as response,
        pytest.raises(ContentDecodingError, match="URL_FETCH_TOTAL_SECONDS"),
    ):
        for _piece in response.iter_content(chunk):
            pass


def test_slow_headers(tmp_path):
    """Slowloris: each byte comes in time, the answer never."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        fetching(tmp_path, URL_FETCH_TOTAL_SECONDS=0.2),
        drip(server),
        pytest.raises(FetchRefused, match="URL_FETCH_TOTAL_SECONDS"),
    ):
        open_url(f"http://127.0.0.1:{server.getsockname()[1]}/")


@contextmanager
def drip(server):
    """Answer with headers that have no end, a byte at a time."""

    def answer():
        connection, _address = server.accept()
        with connection:
            connection.recv(10_000)
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while True:
                    connection.sendall(b"x")
                    over.wait(0.01)
            except OSError:
                pass

    over = threading.Event()
    thread = threading.Thread(target=answer)
    thread.start()
    yield
    thread.join()


def test_a_silent_server(tmp_path):
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        fetching(tmp_path, URL_FETCH_SILENCE_SECONDS=0.1),
        pytest.raises(requests.ReadTimeout),
    ):
        REQUEST_SESSION.get(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=None)


# proxies


def test_metadata_through_a_proxy(names, monkeypatch, site):
    """The proxy is connected to, wherever it is; names are judged before, where they are known."""
    monkeypatch.setenv("http_proxy", site.url)
    names["metadata.example"] = "169.254.169.254"
    names["good.example"] = "93.184.216.34"
    names["two.example"] = cycle([["93.184.216.34", "169.254.169.254"]])
    for host in ("metadata.example", "two.example", "169.254.169.254", "2852039166"):
        with pytest.raises(FetchRefused):
            open_url(f"http://{host}/")
    assert not site.requests
    for host in ("good.example", "only-the-proxy-knows.example"):
        open_url(f"http://{host}/", raise_on_error_status=False).close()
    assert [each.host for each in site.requests] == [
        "good.example",
        "only-the-proxy-knows.example",
    ]


# all who fetch


def test_webhook_to_an_internal_address(names):
    """CVE-2026-56261: a callback to what the caller cannot reach; it is never called again."""
    names["hook.example"] = "169.254.169.254"
    for url in (METADATA, "http://hook.example/?secret=1"):
        answer = call_for_answer(url, "http://runner/tasks/1/", "status", {}, 5)
        assert answer.meaning is Meaning.NEVER and "never fetched" in answer.text
        assert "secret" not in answer.text


def test_webhook_tells_nothing_of_the_answer(site):
    """CVE-2026-64849: the test of a webhook returns status and body of the answer."""
    url = site.put("/", b"internal secret", 500, Server="secret")
    answer = call_for_answer(url, "http://runner/tasks/1/", "status", {}, 5)
    assert answer.text == "HTTP 500"


def test_internal_address_in_the_answer_of_a_plugin(site):
    """CVE-2024-47167: what another server's answer names is fetched."""
    answer = b'{"entryPoint": {"href": "http://169.254.169.254/"}}'
    endpoint = get_plugin_endpoint(site.put("/", answer))
    with pytest.raises(FetchRefused):
        call_plugin_endpoint(endpoint, {})


def test_internal_address_in_the_answer_of_the_registry(tmp_path, site):
    link = (
        '{"href": "http://169.254.169.254/", "rel": ["plugin"], "resourceType": "plugin"}'
    )
    url = site.put("/", f'{{"links": [{link}], "data": {{"self": {link}}}}}'.encode())
    with fetching(tmp_path, PLUGIN_REGISTRY_URL=url), PLUGIN_REGISTRY_CLIENT as client:
        with pytest.raises(FetchRefused):
            client.search_by_rel("plugin", ignore_base_match=True)


def test_a_view_that_fetches_answers_with_the_reason(tmp_path, site):
    """No server error, whether the URL is refused or the rest of its body."""
    large = site.put("/", bytes(200_000))
    with fetching(tmp_path, FILE_URL_FOLDERS=[], URL_FETCH_MAX_BYTES=100_000) as app:
        app.add_url_rule("/<path:url>", view_func=lambda url: open_url(url).content)
        for url, setting in [
            ("file:///etc/passwd", "FILE_URL_FOLDERS"),
            (large, "URL_FETCH_MAX_BYTES"),
        ]:
            answer = app.test_client().get("/" + url.replace("//", "%2F%2F"))
            assert answer.status_code == 422
            assert setting in answer.get_json()["message"]
