"""The secret of an instance: made once, kept, the same for everybody."""

import os
import stat
import subprocess
import sys
import threading

import pytest

from qhana_plugin_runner.util.config import ConfigError, read_settings


def secret_of(instance):
    return read_settings(instance)["SECRET_KEY"]


def test_secret_is_made_once_and_kept_for_the_owner_only(tmp_path):
    instance = tmp_path / "new" / "instance"
    secret = secret_of(instance)
    assert len(secret) == 64
    assert secret_of(instance) == secret
    assert os.listdir(instance) == ["secret_key"]
    assert stat.S_IMODE((instance / "secret_key").stat().st_mode) == 0o600
    assert secret_of(tmp_path / "other") != secret


def test_configured_secret_makes_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("QHANA_SECRET_KEY", "own, and long enough")
    assert secret_of(tmp_path) == "own, and long enough"
    assert os.listdir(tmp_path) == []


def test_secret_written_by_hand_may_end_in_a_line_break(tmp_path):
    (tmp_path / "secret_key").write_text("by hand, and long enough\n")
    assert secret_of(tmp_path) == "by hand, and long enough"


def test_empty_secret_is_an_error(tmp_path):
    (tmp_path / "secret_key").write_text("\n")
    with pytest.raises(ConfigError, match="secret_key is empty; delete it"):
        secret_of(tmp_path)


@pytest.mark.parametrize("kind", ["file", "folder", "binary"])
def test_secret_that_cannot_be_kept_is_an_error(tmp_path, kind):
    instance = tmp_path / "instance"
    if kind == "file":
        instance.write_text("")
    elif kind == "folder":
        (instance / "secret_key").mkdir(parents=True)
    else:
        instance.mkdir()
        (instance / "secret_key").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER") as error:
        secret_of(instance)
    assert "\n" not in str(error.value)


def test_threads_that_ask_at_once_get_the_same_secret(tmp_path):
    for attempt in range(20):
        instance = tmp_path / str(attempt)
        barrier = threading.Barrier(8)
        secrets = []

        def ask(instance=instance, barrier=barrier, secrets=secrets):
            barrier.wait()
            secrets.append(secret_of(instance))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(secrets) == 8 and len(set(secrets)) == 1
        assert os.listdir(instance) == ["secret_key"]


ASK = """
import sys
from qhana_plugin_runner.util.config import read_settings
print("ready", flush=True)
sys.stdin.readline()
print(read_settings(sys.argv[1])["SECRET_KEY"])
"""


def test_processes_that_ask_at_once_get_the_same_secret(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, str(tmp_path / "instance")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    secrets = {process.communicate(timeout=60)[0] for process in processes}
    assert len(secrets) == 1 and len(secrets.pop().strip()) == 64
