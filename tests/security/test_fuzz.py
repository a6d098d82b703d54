"""A running product under fire: requests made from its own API document, and broken HTTP."""

import socket
from urllib.parse import urlsplit

import pytest
from helpers.fuzz import fuzz, fuzzed_product


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    with fuzzed_product(tmp_path_factory.mktemp("fuzz") / "instance") as product:
        yield product


def answer_to(product, request):
    """Send bytes, and return the first line of what comes back."""
    parts = urlsplit(product.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        try:
            connection.sendall(request)
            with connection.makefile("rb") as answer:
                return answer.readline(), answer.read(20_000)
        except ConnectionError:  # closed before all was sent
            return b"", b""


HEAD = b"POST /tasks/1/ HTTP/1.1\r\nHost: localhost\r\n"


def test_announced_flood_is_answered_before_it_is_sent(product):
    length = b"Content-Type: text/csv\r\nContent-Length: 107374182400\r\n\r\n"
    status, rest = answer_to(product, HEAD + length)
    assert b"413" in status and b"MAX_CONTENT_LENGTH" in rest


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(1_000)) + b"\r\n",
        HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: -5\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"\r\n" * 1_000 + b"\0" * 1_000 + b"\r\n\r\n",
    ],
    ids="headers header line smuggling negative lengths garbage".split(),
)
def test_flood_or_ambiguity_in_headers(product, request_):
    status, rest = answer_to(product, request_)
    assert not status or status.split()[1][:1] == b"4"
    assert b"Traceback" not in rest and b"/qhana_plugin_runner/" not in rest


def test_requests_made_from_the_document(product):
    """No server error, nothing that the document does not describe, no growing memory."""
    seed = ["--seed", "1"]
    fuzzed = fuzz(
        product,
        ["--phases", "coverage", *seed],
        *("--phases", "fuzzing,stateful", "--max-examples", "15", *seed),
    )
    print(fuzzed.table())
    assert not fuzzed.failures, fuzzed.output
    assert fuzzed.requests > 500
    assert all(code < 500 for code in fuzzed.statuses), fuzzed.table()
    # After so few requests caches still fill: scripts/fuzz has time for a stricter limit.
    assert fuzzed.growth <= 0.5
