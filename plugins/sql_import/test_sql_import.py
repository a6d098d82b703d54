"""Tests of sql-import with files of SQLite; those with PostgreSQL are in ``tests/security``."""

import sqlite3
from contextlib import closing, contextmanager

import pandas
import pytest

from qhana_plugin_runner.testing.running import (
    InputRefused,
    TaskFailed,
    plugin_app,
    running,
)

CITIES = '''
CREATE TABLE city (name TEXT PRIMARY KEY, founded DATE, area DECIMAL(9, 2), "is old" BOOLEAN,
                   people INTEGER, shape BLOB);
INSERT INTO city VALUES ('Ulm', '0850-07-22', 118.69, 1, 128928, x'00ff');
INSERT INTO city VALUES ('Bonn', NULL, 141.06, 0, 'many', NULL);
CREATE TABLE "odd; DROP TABLE city" (a INTEGER, b INTEGER, "ID" TEXT, "say ""hi""" TEXT,
                                     PRIMARY KEY (a, b));
INSERT INTO "odd; DROP TABLE city" VALUES (1, 2, 'x', 'y');
CREATE TABLE keys (a TEXT, b TEXT, n INTEGER, PRIMARY KEY (a, b));
INSERT INTO keys VALUES ('x-y', 'z', 1), ('x', 'y-z', 2), ('x', NULL, 3), (NULL, '', 4);
CREATE TABLE nulls (a TEXT PRIMARY KEY, n INTEGER);
INSERT INTO nulls VALUES (NULL, 1), (NULL, 2), ('', 3), ('x-1', 4);
CREATE VIEW large AS SELECT name, area FROM city WHERE area > 120;
'''


@pytest.fixture(scope="module")
def cities(tmp_path_factory):
    """The path of a file of SQLite."""
    path = tmp_path_factory.mktemp("sqlite") / "my cities #1.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(CITIES)
    return path


@contextmanager
def allowing(folders, *urls):
    with plugin_app(folders, SQL_IMPORT_URLS=list(urls)) as app, running(app) as run:
        yield run


@pytest.fixture(scope="module")
def run(plugin_folders, cities):
    """Runs plugins where the file may be read."""
    with allowing(plugin_folders, f"sqlite:///{cities}") as run:
        yield run


@pytest.fixture
def url(run):
    """The URL of the file, as the setting has it."""
    return run.app.config["SQL_IMPORT_URLS"][0]


@pytest.fixture
def asked(run, url):
    """A task that asks for the table."""
    return run("sql-import", url=url)


def test_a_table(asked):
    asked.answer("choose_table", table="city")
    assert asked.open_step["stepId"] == "choose_columns"
    asked.answer("choose_columns")
    assert asked.outputs["entities"].entities() == [
        {
            "ID": "Bonn",
            "founded": "",
            "area": "141.06",
            "is old": "0",
            "people": "",
            "shape": "",
        },
        {
            "ID": "Ulm",
            "founded": "0850-07-22",
            "area": "118.69",
            "is old": "1",
            "people": "128928",
            "shape": "00ff",
        },
    ]
    described = asked.outputs["attributes"].json()
    assert [(each["ID"], each["title"], each["type"]) for each in described] == [
        ("ID", "name", "string"),
        ("founded", "founded", "date"),
        ("area", "area", "number"),
        ("is old", "is old", "boolean"),
        ("people", "people", "integer"),
        ("shape", "shape", "string"),
    ]
    assert "hexadecimal" in described[-1]["description"]
    assert (
        "people: texts in a column of numbers, left empty: 1, such as 'many' of Bonn."
        in asked.log
    )


def test_columns_and_rows_are_chosen(run, asked):
    page = run.client.get(asked.open_step["uiHref"]).text
    assert '<option value="city">' in page and '<option value="large">' in page
    asked.answer("choose_table", table="city")
    page = run.client.get(asked.open_step["uiHref"]).text
    assert '<option value="area" selected>' in page
    assert "<code>area</code>: DECIMAL(9, 2)" in page
    asked.answer("choose_columns", columns=["area"], limit=1)
    assert asked.outputs["entities"].entities() == [{"ID": "Bonn", "area": "141.06"}]


def test_names_are_only_names(asked):
    asked.answer("choose_table", table='"odd; DROP TABLE city"')
    asked.answer("choose_columns", columns=["ID", 'say "hi"'])
    rows = asked.outputs["entities"].entities()
    assert rows == [{"ID": "1-2", "ID_2": "x", 'say "hi"': "y"}]


def test_keys_that_are_no_good_ids_are_told(run, url, asked):
    asked.answer("choose_table", table="keys").answer("choose_columns")
    rows = asked.outputs["entities"].entities()
    assert {row["n"]: row["ID"] for row in rows} == {
        "1": "x-y-z",
        "2": "x-y-z",
        "3": "x-",
        "4": "row-1",
    }
    assert "ID of another one: 1; import the columns a, b to tell them" in asked.log
    task = run("sql-import", url=url).answer("choose_table", table="nulls")
    rows = task.answer("choose_columns").outputs["entities"].entities()
    assert sorted(row["ID"] for row in rows) == ["row-1", "row-2", "row-3", "x-1"]
    assert "Rows without a key, whose IDs are as row-7: 3." in task.log
    assert "another one" not in task.log


def test_rows_without_a_key_are_numbered(asked):
    asked.answer("choose_table", table="large")
    asked.answer("choose_columns")
    rows = asked.outputs["entities"].entities()
    assert rows == [{"ID": "1", "name": "Bonn", "area": "141.06"}]


def test_it_is_what_pandas_reads(asked, cities):
    with closing(sqlite3.connect(cities)) as connection:
        expected = pandas.read_sql("SELECT * FROM city ORDER BY name", connection)
    asked.answer("choose_table", table="city")
    found = asked.answer("choose_columns").outputs["entities"].to_pandas()
    assert found["ID"].tolist() == expected["name"].tolist()
    assert found["area"].tolist() == expected["area"].tolist()


def test_nothing_is_allowed_by_default(run_plugin, cities):
    with pytest.raises(InputRefused, match="the setting SQL_IMPORT_URLS lists none"):
        run_plugin("sql-import", url=f"sqlite:///{cities}")


def test_the_databases_are_offered(run, url):
    page = run.client.get("/plugins/sql-import@v1-0-0/ui/").text
    assert f'<option value="{url}">' in page


def test_what_is_not_offered_is_refused(asked):
    with pytest.raises(InputRefused, match="Must be one of"):
        asked.answer("choose_table", table="sqlite_master")
    with pytest.raises(InputRefused, match="Must be one of"):
        asked.answer("choose_table", table="city; DROP TABLE city")
    asked.answer("choose_table", table="city")
    with pytest.raises(InputRefused, match="Must be one of"):
        asked.answer("choose_columns", columns=["rowid"])


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url + "?mode=rwc",
        lambda url: url.replace("sqlite:///", "sqlite:///file:") + "?uri=true",
        lambda url: url.replace("my cities", "../sqlite0/my cities"),
        lambda url: url.replace("sqlite://", "sqlite+pysqlite://"),
        lambda url: url.replace("sqlite", "SQLite"),
        lambda url: url + " ",
        lambda _url: "sqlite:////etc/passwd",
        lambda _url: "sqlite://",
        lambda _url: "postgresql://localhost/postgres",
        lambda _url: "postgresql://localhost/?service=x&passfile=/root/.pgpass",
        lambda _url: "postgresql://a,b/x?options=-csearch_path=y",
        lambda _url: "",
    ],
)
def test_no_other_spelling_of_a_url_is_taken(run, url, change):
    assert change(url) != url
    with pytest.raises(InputRefused, match="Choose a database that the setting"):
        run("sql-import", url=change(url))


def test_a_database_that_is_no_longer_allowed_is_not_read(run, asked, monkeypatch):
    monkeypatch.setitem(run.app.config, "SQL_IMPORT_URLS", [])
    with pytest.raises(TaskFailed, match="SQL_IMPORT_URLS lists none"):
        asked.answer("choose_table", table="city")


def test_a_file_is_not_made_or_changed(plugin_folders, tmp_path):
    missing = tmp_path / "missing.db"
    with allowing(plugin_folders, f"sqlite:///{missing}") as run:
        with pytest.raises(TaskFailed, match="its file is missing"):
            run("sql-import", url=f"sqlite:///{missing}")
        assert not missing.exists()
        missing.write_text("This is no database, but long enough to be taken for one.")
        with pytest.raises(TaskFailed, match="The database refuses: file is not a data"):
            run("sql-import", url=f"sqlite:///{missing}")
