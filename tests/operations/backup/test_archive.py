"""What an archive brings back, and what is refused: nothing has changed then."""

import hashlib
import io
import json
import os
import random
import resource
import shutil
import sqlite3
import tarfile
import threading
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from helpers.product import CHECKOUT
from helpers.services import broker
from redis import Redis

from qhana_plugin_runner.errors import OperatorError
from qhana_plugin_runner.launcher.schema import heads
from qhana_plugin_runner.operations.backup.archive import new_archive, read_archive
from qhana_plugin_runner.operations.backup.create import create_backup
from qhana_plugin_runner.operations.backup.restore import restore_backup
from qhana_plugin_runner.operations.backup.snapshot import BackupError
from qhana_plugin_runner.security.fingerprint import fingerprint
from qhana_plugin_runner.util.config import read_settings
from qhana_plugin_runner.util.instance_folder import InstanceLock, put_in_place
from qhana_plugin_runner.version import runner_version

DATABASE = "qhana_plugin_runner.db"
ODD_NAME = b"files/task_1/out/line\nbreak \\ \xff.csv"


@pytest.fixture(autouse=True)
def no_broker_named(monkeypatch):
    monkeypatch.delenv("BROKER_URL", raising=False)


def silent(*_progress):
    pass


def connect(path):
    return closing(sqlite3.connect(path, isolation_level=None))


@pytest.fixture
def instance(tmp_path):
    """An instance with all kinds of files, that does not run."""
    folder = tmp_path / "instance"
    (folder / "files" / "task_1" / "out").mkdir(parents=True)
    with connect(folder / DATABASE) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE alembic_version (version_num)")
        database.executemany("INSERT INTO alembic_version VALUES (?)", zip(heads()))
        database.execute("CREATE TABLE counted (n)")
        database.execute("INSERT INTO counted VALUES (0)")
    odd = folder / os.fsdecode(ODD_NAME)
    odd.write_bytes(random.Random(1).randbytes(3_000_000))
    odd.chmod(0o640)
    os.utime(odd, (1_000_000_000, 1_000_000_000))
    (folder / "files" / ".unfinished-1").write_text("half")
    (folder / "files" / "task_1" / "link").symlink_to("/etc/passwd")
    (folder / "config.toml").write_text("TASK_CHECK_SECONDS = 7\n")
    (folder / "broker" / "appendonlydir").mkdir(parents=True)
    (folder / "broker" / "valkey.conf").write_text("requirepass of-yesterday\n")
    (folder / "broker" / "appendonlydir" / "appendonly.aof.manifest").write_text("kept")
    return folder


def archive_of(instance, name="backup.tar"):
    path = instance.with_name(name)
    create_backup(read_settings(instance), instance, path, silent)
    return path


def restore(path, instance, replace=False):
    return restore_backup(path, instance, replace, silent)


def content_of(folder):
    """Return the files below a folder, but for those of processes."""
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "launcher.lock"
    }


def assert_unchanged(error, folder, before=()):
    assert "\n" not in str(error.value)
    assert content_of(folder) == dict(before)
    assert not [path for path in folder.iterdir() if path.name.startswith(".restor")]


@pytest.mark.parametrize("name", ["backup.tar", "backup.tar.gz"])
def test_all_of_an_instance_comes_back(instance, tmp_path, name):
    with connect(instance / DATABASE) as database:  # what is in its log only
        database.execute("UPDATE counted SET n = 1")
        path = archive_of(instance, name)
    new = tmp_path / "some" / "where"
    restored = restore(path, new)
    assert not restored["has_other_key"]
    for name in ("config.toml", "secret_key", os.fsdecode(ODD_NAME)):
        before, after = (instance / name).stat(), (new / name).stat()
        assert (new / name).read_bytes() == (instance / name).read_bytes()
        assert (after.st_mode, int(after.st_mtime)) == (
            before.st_mode,
            int(before.st_mtime),
        )
    assert (new / "broker" / "appendonlydir" / "appendonly.aof.manifest").exists()
    for left_out in ("files/.unfinished-1", "files/task_1/link", "broker/valkey.conf"):
        assert not os.path.lexists(new / left_out)
    with connect(new / DATABASE) as database:
        assert database.execute("SELECT n FROM counted").fetchone() == (1,)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *sorted([path.name, "instance", "some"])
    ]


def test_an_older_database_is_upgraded(tmp_path):
    """That of the original runner, the oldest of all."""
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    shutil.copy(CHECKOUT / "tests" / "db" / "original.db", old / DATABASE)
    with connect(old / DATABASE) as database:
        tasks = database.execute('SELECT id FROM "ProcessingTask"').fetchall()
    restore(archive_of(old), new)
    with connect(new / DATABASE) as database:
        revisions = database.execute("SELECT version_num FROM alembic_version")
        assert {revision for (revision,) in revisions} == heads()
        kept = database.execute('SELECT id FROM "ProcessingTask" WHERE state != ""')
        assert tasks and kept.fetchall() == tasks


def test_an_older_database_that_cannot_be_upgraded_is_told_of(instance, tmp_path):
    with connect(instance / DATABASE) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ff55b6ebbbd7'")
    with pytest.raises(BackupError, match="was not upgraded .*: run flask db upgrade"):
        restore(archive_of(instance), tmp_path / "new")
    assert (tmp_path / "new" / "config.toml").is_file()


def test_database_and_queue_are_as_of_one_moment(instance, tmp_path):
    """A row is committed, then the broker is told: it never knows more than the database."""
    (instance / "broker" / "appendonlydir" / "appendonly.aof.manifest").unlink()
    counts = []
    with broker(instance / "broker") as url, Redis.from_url(url) as client:
        ends, begun = threading.Event(), threading.Event()

        def count():
            with connect(instance / DATABASE) as database:
                database.execute("PRAGMA busy_timeout=60000")
                while not ends.is_set():
                    database.execute("UPDATE counted SET n = n + 1")
                    client.incr("n")
                    begun.set()

        thread = threading.Thread(target=count)
        thread.start()
        try:
            assert begun.wait(60)
            paths = [archive_of(instance, f"{number}.tar") for number in range(3)]
        finally:
            ends.set()
            thread.join()
    for path in paths:
        new = tmp_path / f"from-{path.name}"
        restore(path, new)
        with connect(new / DATABASE) as database:
            (rows,) = database.execute("SELECT n FROM counted").fetchone()
        with broker(new / "broker") as url, Redis.from_url(url) as client:
            told = int(client.get("n"))
        assert rows in (told, told + 1)
        counts.append(rows)
    assert 0 < counts[0] < counts[1] < counts[2]


def test_what_plugins_keep_comes_back_as_it_is(instance, tmp_path):
    """Whatever they name it, even if a database is damaged, or has a writer who takes long."""
    kept = {
        "files/bytecode/result.txt": b"a",
        "plugins/bytecode/__init__.py": b"b",
        "plugins/__pycache__/any.pyc": b"c",
        "plugins/damaged.sqlite": b"SQLite format 3\0" + 5_000 * b"?",
    }
    for name, content in kept.items():
        (instance / name).parent.mkdir(parents=True, exist_ok=True)
        (instance / name).write_bytes(content)
    (instance / "plugins" / "link").symlink_to("/etc")
    with connect(instance / "plugins" / "own.db") as database:
        database.execute("CREATE TABLE counted (n)")
        database.execute("BEGIN IMMEDIATE")
        path = tmp_path / "backup.tar"
        made = create_backup(read_settings(instance), instance, path, silent)
    assert sorted(made["links"]) == ["files/task_1/link", "plugins/link"]
    restore(path, tmp_path / "new")
    for name, content in kept.items():
        assert (tmp_path / "new" / name).read_bytes() == content
    with connect(tmp_path / "new" / "plugins" / "own.db") as database:
        assert database.execute("SELECT count(*) FROM counted").fetchone() == (0,)


def test_a_broker_that_ends_meanwhile_is_named(instance, tmp_path):
    (instance / "broker" / "appendonlydir" / "appendonly.aof.manifest").unlink()
    path = tmp_path / "backup.tar"
    with broker(instance / "broker") as url, Redis.from_url(url) as client:

        def end_broker(*_progress):
            client.shutdown(nosave=True)

        with pytest.raises(BackupError, match="broker does not answer"):
            create_backup(read_settings(instance), instance, path, end_broker)
    assert [each.name for each in tmp_path.iterdir()] == ["instance"]


def test_two_archives_of_one_name_do_not_mix(tmp_path):
    """Such as those of two instances; what one has left that was killed is removed."""
    path, new = tmp_path / "backup.tar", tmp_path / "new"
    (tmp_path / ".backup.tar.0.part").mkdir()
    (tmp_path / ".backup.tar.0.part" / "archive").write_text("half")
    for inner_is_first in (True, False):
        with ExitStack() as stack:
            outer = stack.enter_context(new_archive(path))
            with new_archive(path) as inner:
                for each, content in ((outer, b"outer"), (inner, b"inner")):
                    each.add_manifest({})
                    each.add_bytes("name", content)
                if not inner_is_first:
                    stack.close()
            stack.close()
        new.mkdir()
        read_archive(path, new, silent, silent)
        last = b"outer" if inner_is_first else b"inner"
        assert (new / "name").read_bytes() == last
        (new / "name").unlink()
        new.rmdir()
    assert [each.name for each in tmp_path.iterdir()] == ["backup.tar"]


@pytest.mark.parametrize("name", ["backup.tar", "backup.tgz"])
@pytest.mark.parametrize("part", [0, 0.01, 0.5, 0.9, -11_000])
def test_an_archive_that_is_cut_short_is_refused(instance, tmp_path, name, part):
    path = archive_of(instance, name)
    size = path.stat().st_size
    os.truncate(path, size + part if part < 0 else int(size * part))
    with pytest.raises(BackupError, match="cut short|not made by") as error:
        restore(path, tmp_path / "new")
    assert_unchanged(error, tmp_path / "new")


@pytest.mark.parametrize("name", ["backup.tar", "backup.tar.gz"])
def test_an_archive_that_is_damaged_is_refused(instance, tmp_path, name):
    path = archive_of(instance, name)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(BackupError, match="damaged") as error:
        restore(path, tmp_path / "new")
    assert_unchanged(error, tmp_path / "new")


def made_by_hand(path, members, **manifest):
    """Write an archive of members with right digests."""
    facts = {
        "format": 1,
        "version": runner_version(),
        "revision": sorted(heads()),
        "secret_key": "0",
        "tasks": {},
    }
    sums = b""
    with tarfile.open(path, "w") as tar:
        first = tarfile.TarInfo("manifest.json")
        for info, content in [
            (first, json.dumps({**facts, **manifest}).encode()),
            *members,
        ]:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
            digest = hashlib.sha256(content).hexdigest()
            sums += f"{digest}  {info.name}\n".encode() if info.isreg() else b""
        last = tarfile.TarInfo("SHA256SUMS")
        last.size = len(sums)
        tar.addfile(last, io.BytesIO(sums))
    return path


def member(name, kind=tarfile.REGTYPE, target="", content=b""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, content


@pytest.mark.parametrize(
    "members",
    [
        [member("instance/../../out", content=b"x")],
        [member("/instance/out", content=b"x")],
        [member("instance//etc/out", content=b"x")],
        [member("elsewhere/out", content=b"x")],
        [member("instance/link", tarfile.SYMTYPE, "/etc/passwd")],
        [member("instance/link", tarfile.LNKTYPE, "manifest.json")],
        [
            member("instance/link", tarfile.SYMTYPE, ".."),
            member("instance/link/out", content=b"x"),
        ],
        [member("instance/null", tarfile.CHRTYPE)],
        [member("instance/pipe", tarfile.FIFOTYPE)],
        [member("instance/sparse", tarfile.GNUTYPE_SPARSE, content=b"x")],
        [member("instance/twice", content=b"x"), member("instance/twice", content=b"y")],
        [member("instance/file", content=b"x"), member("instance/file/in", content=b"y")],
        [member("instance/.restored/new/out", content=b"x")],
        [member("instance/launcher.lock", content=b"1")],
    ],
)
def test_what_no_backup_writes_is_refused(tmp_path, members):
    path = made_by_hand(tmp_path / "by-hand.tar", members)
    with pytest.raises(BackupError) as error:
        restore(path, tmp_path / "a" / "new")
    assert_unchanged(error, tmp_path / "a" / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "by-hand.tar"]


@pytest.mark.parametrize(
    "newer",
    [
        {"version": "99.0.0"},
        {"version": "none"},
        {"format": 2},
        {"revision": ["of tomorrow"]},
    ],
)
def test_an_archive_of_a_newer_version_is_refused(tmp_path, newer):
    path = made_by_hand(tmp_path / "newer.tar", [], **newer)
    with pytest.raises(BackupError, match="update the runner first") as error:
        restore(path, tmp_path / "new")
    assert_unchanged(error, tmp_path / "new")


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x1f\x8b" + b"x" * 99, b"\0" * 20480]
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(BackupError, match="not made by flask backup|cut short") as error:
        restore(path, tmp_path / "new")
    assert_unchanged(error, tmp_path / "new")


def test_an_instance_is_replaced_only_when_asked_for(instance, tmp_path):
    path = archive_of(instance)
    old = tmp_path / "old"
    old.mkdir()
    (old / "config.json").write_text("{}")
    (old / f"{DATABASE}-wal").write_text("of another database")
    with pytest.raises(BackupError, match="--replace") as error:
        restore(path, old)
    wal = (Path(f"{DATABASE}-wal"), b"of another database")
    assert_unchanged(error, old, [(Path("config.json"), b"{}"), wal])
    restore(path, old, replace=True)
    assert content_of(old).keys() == content_of_restored(path, tmp_path).keys()


def content_of_restored(path, tmp_path):
    restore(path, tmp_path / "reference")
    return content_of(tmp_path / "reference")


def test_a_kill_at_the_last_steps_leaves_the_rest_to_the_next_start(
    instance, tmp_path, monkeypatch
):
    path = archive_of(instance)
    whole = content_of_restored(path, tmp_path)
    rename = Path.rename
    for steps in range(1, 20):
        target = tmp_path / f"killed-{steps}"
        target.mkdir()
        (target / "config.json").write_text("{}")
        left = iter(range(steps))

        def renaming(self, to):
            if next(left, None) is None:
                os._exit(9)
            return rename(self, to)

        child = os.fork()
        if not child:
            monkeypatch.setattr(Path, "rename", renaming)
            restore(path, target, replace=True)
            os._exit(0)
        _pid, status = os.waitpid(child, 0)
        with InstanceLock(target):
            found = content_of(target)
        assert not (target / ".restored").exists()
        assert found == whole
        if os.waitstatus_to_exitcode(status) == 0:
            assert steps > 5
            return
    pytest.fail("it has never come to its end")


def test_a_folder_that_is_in_use_is_not_restored_to(instance, tmp_path):
    path = archive_of(instance)
    with InstanceLock(tmp_path / "held"):
        with pytest.raises(OperatorError, match="in use"):
            restore(path, tmp_path / "held")
    with connect(instance / DATABASE) as database:
        database.execute("SELECT * FROM counted").fetchone()
        with pytest.raises(BackupError, match="open"):
            restore(path, instance, replace=True)
    restore(path, instance, replace=True)


def test_a_disk_that_is_full_leaves_nothing(instance, tmp_path):
    path = archive_of(instance)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(BackupError, match="try again") as error:
            restore(path, tmp_path / "new")
        with pytest.raises(BackupError, match="No archive was written"):
            archive_of(instance, "second.tar")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_unchanged(error, tmp_path / "new")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["backup.tar", "instance", "new"]


@pytest.mark.parametrize(
    "setting, shown",
    [
        (
            {"SQLALCHEMY_DATABASE_URI": "postgresql://u:hidden@db/q"},
            "SQLALCHEMY_DATABASE_URI",
        ),
        ({"SQLALCHEMY_DATABASE_URI": "sqlite:////else/where.db"}, "/else/where.db"),
        ({"SQLALCHEMY_DATABASE_URI": "sqlite://"}, "SQLALCHEMY_DATABASE_URI"),
        ({"DEFAULT_FILE_STORE": "s3", "S3_BUCKET": "b"}, "DEFAULT_FILE_STORE"),
        ({"FILE_STORE_ROOT_PATH": "../files"}, "FILE_STORE_ROOT_PATH"),
        ({"CELERY": {"broker_url": "redis://broker"}}, "BROKER_URL"),
    ],
)
def test_what_is_elsewhere_is_named_with_the_page_about_it(instance, setting, shown):
    (instance / "config.json").write_text(json.dumps(setting))
    with pytest.raises(BackupError, match="docs/how-to/back-up.md") as error:
        archive_of(instance)
    assert shown in str(error.value) and "hidden" not in str(error.value)


def test_a_key_of_the_environment_is_missed(instance, tmp_path, monkeypatch):
    monkeypatch.setenv("QHANA_SECRET_KEY", "x8F2-k31Pq7-0zLmV")
    path = archive_of(instance)
    assert not restore(path, tmp_path / "same")["has_other_key"]
    monkeypatch.delenv("QHANA_SECRET_KEY")
    assert restore(path, tmp_path / "other")["has_other_key"]
    with tarfile.open(path) as tar:
        kept = json.load(tar.extractfile("manifest.json"))["secret_key"]
    assert kept != fingerprint(read_settings(tmp_path / "other"))


def test_nothing_is_put_in_place_of_an_instance_without_a_restore(instance):
    before = content_of(instance)
    put_in_place(instance)
    assert content_of(instance) == before
