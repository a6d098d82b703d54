"""Attacks with inputs that are too large, too deep, or too many: each test is named after one."""

import json
import zipfile
from base64 import b64encode
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from flask import request
from helpers.runner import runner
from werkzeug.test import encode_multipart

from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.plugin_utils.entity_marshalling import EntityError, load_entities
from qhana_plugin_runner.plugin_utils.zip_utils import (
    ZipArchiveError,
    get_files_from_zip_url,
)
from qhana_plugin_runner.requests import open_url
from qhana_plugin_runner.requests import policy as rules

MULTIPART = "multipart/form-data; boundary=x"
LIMITS = {
    "MAX_CONTENT_LENGTH": 20_000,
    "MAX_FORM_MEMORY_SIZE": 5_000,
    "MAX_FORM_PARTS": 20,
    "MAX_JSON_SIZE": 2_000,
    "MAX_JSON_DEPTH": 30,
    "MAX_ZIP_FILES": 5,
    "MAX_CSV_FIELD_SIZE": 1_000,
}


@pytest.fixture
def app(tmp_path):
    """An app with low limits, and a view of a plugin that takes anything."""
    with runner(tmp_path, PROPAGATE_EXCEPTIONS=False, **LIMITS) as app:
        blueprint = SecurityBlueprint("takes@v1", __name__)

        @blueprint.route("/", methods=["GET", "POST"])
        def take():
            values = len(request.form) + len(request.files)
            if request.is_json:
                values = request.get_json(silent=True) is not None
            return {"values": values}

        app.register_blueprint(blueprint, url_prefix="/takes")
        yield app


class Unread(BytesIO):
    """A body that must not be read."""

    def read(self, *_args):
        raise AssertionError("the body was read")

    readinto = readline = read


def refused(answer, status, setting):
    assert answer.status_code == status, answer.text
    assert setting in answer.json["message"]
    return True


@pytest.mark.parametrize("path", ["/takes/", "/tasks/1/", "/", "/unknown"])
@pytest.mark.parametrize("kind", ["text/csv", MULTIPART])
def test_announced_flood_is_refused_before_a_byte_is_read(client, path, kind):
    answer = client.post(
        path,
        input_stream=Unread(),
        content_type=kind,
        environ_overrides={"CONTENT_LENGTH": "100000000000"},
    )
    refused(answer, 413, "MAX_CONTENT_LENGTH")


def test_a_data_set_of_16_gib_may_be_sent_by_default(tmp_path):
    with runner(tmp_path) as app:
        assert app.config["MAX_CONTENT_LENGTH"] == 16 * 2**30


@pytest.mark.parametrize(
    "kind, body, setting",
    [
        ("text/csv", b"x" * 30_000, None),
        (MULTIPART, b"--x" + b"x" * 30_000, "MAX_CONTENT_LENGTH"),
        ("application/x-www-form-urlencoded", b"x" * 30_000, "MAX_FORM_MEMORY_SIZE"),
        ("application/json", b'"' + b"x" * 3_000 + b'"', "MAX_JSON_SIZE"),
    ],
)
def test_flood_of_unknown_length_ends_at_the_limit(client, kind, body, setting):
    answer = client.post(
        "/takes/",
        input_stream=BytesIO(body),
        content_type=kind,
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert setting is None or answer.status_code in (400, 413)
    assert answer.status_code < 500


def test_flood_of_url_encoded_values(client):
    kind = "application/x-www-form-urlencoded"
    for body in (b"&a" * 50, b"a=1&" * 20):
        refused(
            client.post("/takes/", data=body, content_type=kind), 413, "MAX_FORM_PARTS"
        )
    assert client.post("/takes/", data=b"a=1&b=2", content_type=kind).json == {
        "values": 2
    }


def test_flood_of_multipart_parts(client):
    """CVE-2023-25577: Werkzeug took any number of parts."""
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    answer = client.post("/takes/", data=part * 30 + b"--x--", content_type=MULTIPART)
    refused(answer, 413, "MAX_FORM_PARTS")


def post_multipart(client, values):
    boundary, body = encode_multipart(values)
    kind = f"multipart/form-data; boundary={boundary}"
    return client.post("/takes/", data=body, content_type=kind)


def test_flood_of_text_fields_that_are_small_each(app, client):
    """Each was limited, but not what they take together; files go to the disk."""
    app.config["MAX_CONTENT_LENGTH"] = 10**8
    app.config["MAX_FORM_MEMORY_SIZE"] = 500_000
    text = {f"field-{n}": "x" * 100_000 for n in range(15)}
    refused(post_multipart(client, text), 413, "MAX_FORM_MEMORY_SIZE")
    files = {f"file-{n}": (BytesIO(b"x" * 900_000), "x") for n in range(15)}
    fields = {name: text[name] for name in list(text)[:4]}
    assert post_multipart(client, fields | files).json == {"values": 19}


def test_flood_of_line_breaks_before_the_boundary(client):
    """CVE-2023-46136: Werkzeug looked for a boundary behind each of them."""
    for body in (b"\r\n" * 9_000, b"\r" + b"a" * 18_000, b"\r" * 18_000):
        answer = client.post("/takes/", data=body, content_type=MULTIPART)
        assert answer.status_code in (200, 400, 413)


@pytest.mark.parametrize("boundary", ["x" * 6_000, "", '"', "\\", "ü"])
def test_huge_or_odd_boundary(client, boundary):
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    kind = f"multipart/form-data; boundary={boundary}"
    answer = client.post("/takes/", data=body.encode(), content_type=kind)
    assert answer.status_code in (200, 400, 413)


DEEP = [
    b"[" * 31,
    b'{"a":' * 31,
    b"[" * 100_000 + b"]" * 100_000,
    b'["[",' * 31,
    json.dumps([[[]]] * 40)[:-1].encode() + b"," + b"[" * 30,
    ("[" * 31).encode("utf-16"),
]


@pytest.mark.parametrize("path", ["/takes/", "/tasks/1/", "/workbench/runs/"])
@pytest.mark.parametrize("body", DEEP, ids=range(len(DEEP)))
def test_depth_bomb_in_json(app, client, path, body):
    """Recursion of a parser, or of whatever walks through what it has made."""
    app.config["MAX_JSON_SIZE"] = app.config["MAX_CONTENT_LENGTH"] = 10**6
    answer = client.post(path, data=body, content_type="application/json")
    refused(answer, 400, "MAX_JSON_DEPTH")


@pytest.mark.parametrize(
    "value",
    [[[]] * 300, "[" * 300, '"[' * 300, {"a": "\\" * 99 + '"[{' * 99}, [[[]] * 29]],
)
def test_json_with_many_brackets_that_is_not_deep_is_taken(client, value):
    assert client.post("/takes/", json=value).json == {"values": True}


def test_json_with_a_string_that_never_ends_is_scanned_once(app, client):
    app.config["MAX_JSON_SIZE"] = app.config["MAX_CONTENT_LENGTH"] = 10**7
    body = b"[" * 31 + b'\\"' * 2_000_000  # quadratic: hours
    answer = client.post("/takes/", data=body, content_type="application/json")
    refused(answer, 400, "MAX_JSON_DEPTH")
    body = b'"' + b"[" * 31 + b'\\"' * 2_000_000 + b"\\"
    answer = client.post("/takes/", data=body, content_type="application/json")
    assert answer.json == {"values": False}


ENDLESS = '{"command": ' + "1" * 5_000 + "}"


@pytest.mark.parametrize(
    "body", [ENDLESS.encode(), ENDLESS.encode("utf-16"), b"\xff", b'"', b"5" * 4_301]
)
def test_endless_number_or_broken_json_is_400(app, client, body):
    app.config["MAX_JSON_SIZE"] = app.config["MAX_CONTENT_LENGTH"]
    answer = client.post("/tasks/1/", data=body, content_type="application/json")
    assert answer.status_code in (400, 422)


def test_compressed_request_is_not_decompressed(client):
    """A bomb of a request: nothing here decodes ``Content-Encoding``."""
    import gzip

    answer = client.post(
        "/tasks/1/",
        data=gzip.compress(b'{"command": "cancel"}' + b" " * 10**6),
        content_type="application/json",
        headers={"Content-Encoding": "gzip"},
    )
    assert answer.status_code == 400


def test_flood_of_ranges(client):
    ranges = {"Range": "bytes=" + ",".join(f"{n}-{n}" for n in range(20_000))}
    assert client.get("/files/1/?file-id=x", headers=ranges).status_code == 404


def archive_url(files, compression=ZIP_DEFLATED):
    buffer = BytesIO()
    with ZipFile(buffer, "w", compression) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return "data:application/zip;base64," + b64encode(buffer.getvalue()).decode()


def unpack(url):
    return [name for file, name in get_files_from_zip_url(url, "b") if file.read() or 1]


def test_zip_with_too_many_entries(context):
    assert len(unpack(archive_url([(f"{n}", b"") for n in range(5)]))) == 5
    with pytest.raises(ZipArchiveError, match="MAX_ZIP_FILES"):
        unpack(archive_url([(f"{n}/", b"") for n in range(6)]))


def test_zip_bomb(context, monkeypatch):
    monkeypatch.setattr(rules, "RATIO_BEGINS", 1_000_000)
    files = [(str(n), bytes(2_000_000)) for n in range(3)]
    bomb = archive_url(files, zipfile.ZIP_BZIP2)
    with pytest.raises(ZipArchiveError, match="URL_FETCH_MAX_RATIO"):
        unpack(bomb)
    plain = archive_url([(str(n), bytes(500_000)) for n in range(3)], zipfile.ZIP_STORED)
    assert len(unpack(plain)) == 3


def test_zip_that_is_larger_than_allowed_when_it_is_unpacked(tmp_path):
    with runner(tmp_path, URL_FETCH_MAX_BYTES=100_000) as app, app.app_context():
        with pytest.raises(ZipArchiveError, match="URL_FETCH_MAX_BYTES"):
            unpack(archive_url([("a", bytes(60_000)), ("b", bytes(60_000))]))


def test_zip_that_lies_about_the_size_of_a_member(context):
    """What is unpacked ends at the size that was checked."""
    content = bytearray(open_url(archive_url([("a", b"x" * 50_000)])).content)
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(mark) + place
        content[at : at + 4] = (10).to_bytes(4, "little")
    url = "data:;base64," + b64encode(content).decode()
    with pytest.raises(ZipArchiveError, match="damaged"):
        unpack(url)


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../../x", "..\\x", "\\x", "a/" * 3_000 + "b", "x" * 9_000]
)
def test_zip_slip_and_endless_names(context, name):
    with pytest.raises(ZipArchiveError, match="leads out of") as caught:
        unpack(archive_url([(name, b"")]))
    assert len(str(caught.value)) < 700


def test_csv_with_a_quote_that_never_closes(context):
    """The rest of a file is one value then, and in memory as one."""
    with open_url('data:text/csv,ID%0A"' + "x" * 5_000, stream=True) as response:
        with pytest.raises(EntityError, match="MAX_CSV_FIELD_SIZE"):
            list(load_entities(response, "text/csv"))
