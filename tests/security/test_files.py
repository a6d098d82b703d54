"""Attacks by files: paths that lead out of the store, and content that acts as a page."""

import ast
from pathlib import Path

import pytest

import qhana_plugin_runner
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE, MissingFile, StorageError
from qhana_plugin_runner.tasking import life_cycle

PACKAGE = Path(qhana_plugin_runner.__file__).parent

ACTIVE = b"<script>fetch('/tasks/1/', {method: 'DELETE'})</script>"

OUT_OF_THE_STORE = [
    "/etc/passwd",
    "../secret",
    "task_1/../../secret",
    "..\\secret",
    "task_1/out/\0/../../../../secret",
    "//etc/passwd",
    "/dev/zero",
    "link/secret",
    "C:\\secret",
    "\u202e/../../secret",
    "CON",
    "x" * 5000,
]


def assert_sandboxed(answer):
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox allow-scripts"


@pytest.fixture
def secret(task, root, tmp_path):
    """A file beside the store, and a link in the store to its folder."""
    (tmp_path / "secret").write_text("secret")
    root.mkdir(exist_ok=True)
    (root / "link").symlink_to(tmp_path)


@pytest.fixture
def root(app):
    return STORE["local_filesystem"].root


@pytest.mark.parametrize("path", OUT_OF_THE_STORE, ids=lambda path: repr(path)[:30])
def test_path_traversal_in_a_row_finds_no_file(task, client, secret, path):
    """CVE-2026-42351, CVE-2023-6909, CVE-2026-28414: absolute, dotted, of devices."""
    file = STORE.persist_task_result(task.id, b"x", "x", "t", "text/plain")
    file.file_storage_data = path
    file.save(commit=True)
    with pytest.raises(MissingFile):
        STORE.open(file)
    answer = client.get(f"/files/{file.id}/?file-id={file.security_tag}")
    assert answer.status_code == 404 and "secret" not in answer.text


def test_symlink_to_another_folder_is_not_written_through(secret, tmp_path):
    before = sorted(tmp_path.iterdir())
    for target in ("link/written", "link/folder/written"):
        with pytest.raises(StorageError, match="leads out"):
            STORE.persist_file(b"x", target, "text/plain")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("mimetype", ["text/html", "image/svg+xml", "text/plain", ""])
@pytest.mark.parametrize("name", ["x.html", "x.svg", "x"])
def test_stored_xss_in_a_file_acts_in_no_origin_of_ours(task, client, name, mimetype):
    """CVE-2024-23633, CVE-2023-47115, CVE-2026-44727: wherever its bytes are sent."""
    file = STORE.persist_task_result(task.id, ACTIVE, name, "t", mimetype)
    own = f"/files/{file.id}/?file-id={file.security_tag}"
    for method, url in [
        ("GET", own),
        ("HEAD", own),
        ("GET", f"/workbench/content?url={own.replace('?', '%3F')}"),
    ]:
        answer = client.open(url, method=method, buffered=True)
        assert answer.status_code == 200
        assert_sandboxed(answer)
        assert answer.mimetype == (mimetype or "application/octet-stream")


def test_script_in_a_task_log_is_text(task, client):
    """GHSA-52gm-qmg3-r4qp."""
    row = ProcessingTask.get_by_id(task.id)
    row.add_task_log_entry(ACTIVE.decode(), commit=True)
    answer = client.get(f"/tasks/{task.id}/log/", headers={"Accept": "text/html"})
    assert answer.mimetype == "text/plain" and ACTIVE.decode() in answer.text
    assert_sandboxed(answer)


def test_script_in_a_zip_of_results_is_sandboxed(task, client):
    STORE.persist_task_result(task.id, ACTIVE, "x.html", "t", "text/html")
    life_cycle.succeed(task.id)
    answer = client.get(f"/workbench/tasks/{task.id}/outputs.zip", buffered=True)
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert_sandboxed(answer)


def test_a_route_that_forgot_the_sandbox_is_found():
    """CVE-2026-44727: whatever makes a response of bytes passes it through as_download."""
    makers = {"send_file", "send_from_directory", "Response", "response_class"}
    others = {
        "web/pages/docs.py",  # files of the packages of the viewers, and scripts of others
        "api/answers.py",  # JSON that was made before
        "api/metrics.py",  # text for Prometheus
    }
    found = set()
    for folder in ("api", "web"):
        for path in (PACKAGE / folder).rglob("*.py"):
            text = path.read_text("utf-8")
            calls = [n.func for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
            names = {getattr(f, "id", getattr(f, "attr", "")) for f in calls}
            if names & makers:
                place = path.relative_to(PACKAGE).as_posix()
                found.add(place)
                assert place in others or "as_download" in names, place
    assert found > others
