"""Every parser of what others send: it answers or raises what it documents, in bounded memory."""

import json
import tracemalloc
from base64 import b64encode
from io import BytesIO
from zipfile import ZipFile

import pytest
from helpers.runner import runner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests import Response
from requests.exceptions import RequestException

from qhana_plugin_runner.api.tasks import row_id
from qhana_plugin_runner.plugin_utils.attributes import (
    dict_deserializer,
    parse_attribute_metadata,
)
from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    EntityError,
    ensure_dict,
    load_entities,
)
from qhana_plugin_runner.plugin_utils.zip_utils import (
    ZipArchiveError,
    get_files_from_zip_url,
)
from qhana_plugin_runner.requests import open_url, retrieve_filename
from qhana_plugin_runner.util.content_types import charset_of, content_type_of, safe_name
from qhana_plugin_runner.util.plugins import plugin_identifier
from qhana_plugin_runner.util.versions import comparable_version

BOUND = 2_000_000
"""Bytes that a parser may take for a short input: more than its own tables and buffers."""


def file_of(content, content_type):
    response = Response()
    response.status_code, response.raw = 200, BytesIO(content)
    response.headers["Content-Type"] = content_type
    return response


def entities(content_type):
    def parse(content):
        response = file_of(content, content_type)
        return list(ensure_dict(load_entities(response, content_type)))

    return parse


def attributes(value):
    metadata = parse_attribute_metadata([value])
    dict_deserializer(metadata, metadata)(dict.fromkeys(metadata, value.get("value")))


def data_url(text):
    with open_url(f"data:{text}") as response:
        return response.content, retrieve_filename(response)


def archive(content):
    url = "data:application/zip;base64," + b64encode(content).decode()
    return [(file.read(), name) for file, name in get_files_from_zip_url(url, "b")]


def disposition(value):
    response = file_of(b"", "text/plain")
    response.url = "http://host/x"
    response.headers["Content-Disposition"] = value
    name = retrieve_filename(response)
    assert "/" not in name and "\\" not in name and ".." != name


def names(text):
    assert "/" not in safe_name(text) and safe_name(text).strip(".")
    plugin_identifier(text, text)
    comparable_version(text)
    row_id(text)
    charset_of(text), content_type_of(text, text)


def packed():
    buffer = BytesIO()
    with ZipFile(buffer, "w") as file:
        file.writestr("a/b.txt", b"text" * 9)
        file.writestr("c", b"")
    return buffer.getvalue()


def damaged(content):
    """Bytes that begin as something whole, with pieces overwritten."""
    piece = st.tuples(st.integers(0, len(content) - 1), st.binary(min_size=1, max_size=4))

    def overwrite(pieces):
        changed = bytearray(content)
        for place, text in pieces:
            changed[place : place + len(text)] = text
        return bytes(changed)

    return st.lists(piece, max_size=4).map(overwrite)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
).map(lambda value: json.dumps(value).encode())
SYNTAX = st.lists(st.sampled_from([*'[]{}",:;\\\n\r\0\ufeff1eE-=.é', "\ud83d"])).map(
    lambda parts: "".join(parts).encode("utf-8", "surrogatepass")
)
BYTES = st.binary() | SYNTAX | JSON
DEEP = st.sampled_from([b"[" * 50_000, b'{"a":' * 50_000, b"[" + b"1" * 10_000 + b"]"])
TEXT = st.text() | SYNTAX.map(lambda content: content.decode("utf-8", "replace"))
METADATA = st.fixed_dictionaries(
    {"ID": st.just("a") | st.integers() | st.none()},
    optional={
        "type": st.sampled_from(["integer", "float", "bool", "string", "?"]),
        "multiple": st.sampled_from(["true", "", "perhaps", None, 1]),
        "separator": st.sampled_from([";", "", " ", "ab"]),
        "value": st.text()
        | st.floats()
        | st.just("9" * 5_000)
        | st.lists(st.text() | st.lists(st.none())),
    },
)
# What is in a header that a client can send at all.
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255))
FILENAME = st.tuples(
    st.sampled_from(["attachment; filename=", "attachment; filename*=", "inline;x; "]),
    HEADER | st.sampled_from(["UTF-8''%2e%2e%2fx", '"a\\"b"', "x''%FF", "utf-7''+AG8-"]),
).map("".join)

PARSERS = {
    "CSV": (entities("text/csv"), BYTES, EntityError),
    "JSON lines": (entities("application/X-lines+json"), BYTES | DEEP, EntityError),
    "JSON array": (entities("application/json"), BYTES | DEEP, EntityError),
    "attributes": (attributes, METADATA, EntityError),
    "data URL": (data_url, TEXT, RequestException),
    "ZIP": (archive, st.binary() | damaged(packed()), ZipArchiveError),
    "Content-Disposition": (disposition, HEADER | FILENAME, ()),
    "identifiers, versions, types": (names, TEXT, ()),
}


def in_bounded_memory(parse, value, documented, bound=BOUND):
    tracemalloc.start()
    try:
        parse(value)
    except documented as error:
        assert len(str(error)) < 2_000
    finally:
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < bound, f"{peak} bytes for {value!r:.99}"


@pytest.mark.parametrize("name", PARSERS)
def test_nonsense_raises_only_what_is_documented(name):
    parse, values, documented = PARSERS[name]

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(values)
    def check(value):
        in_bounded_memory(parse, value, documented)

    check()


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parsers")
    with runner(folder, PROPAGATE_EXCEPTIONS=False) as app:
        yield app.test_client()


REQUESTS = {
    "Range": lambda c, v: c.get("/files/1/?file-id=x", headers={"Range": f"bytes={v}"}),
    "If-Match": lambda c, v: c.get("/tasks/1/", headers={"If-None-Match": v}),
    "Prefer": lambda c, v: c.get("/tasks/1/", headers={"Prefer": f"wait={v}"}),
    "Accept": lambda c, v: c.get("/tasks/", headers={"Accept": f"text/html,{v}"}),
    "cursor": lambda c, v: c.get("/tasks/", query_string={"cursor": v}),
    "search": lambda c, v: c.get("/tasks/", query_string={"q": v, "createdAfter": v}),
    "task": lambda c, v: c.get("/tasks/" + "".join(f"%{b:02x}" for b in v.encode())),
    "type": lambda c, v: c.post("/tasks/1/", data=b"{}", content_type=v),
    "command": lambda c, v: c.post(
        "/tasks/1/", data=v.encode(), content_type="application/json"
    ),
    "webhook": lambda c, v: c.post(
        "/tasks/1/", json={"command": "subscribe", "webhookHref": v, "event": v}
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_nonsense_in_requests_is_no_error_of_the_server(client, name):
    ask = REQUESTS[name]

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        HEADER | st.sampled_from(["0-1,2-", "-5", "9" * 5_000 + "-", "1-0", '"', "W/"])
    )
    def check(value):
        answer = ask(client, value)
        assert answer.status_code < 500 and len(answer.data) < 50_000

    check()
