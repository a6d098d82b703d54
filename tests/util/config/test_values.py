"""Values that cannot be used are named with their setting, their source and what is wanted."""

import pytest

from qhana_plugin_runner.util.config import SETTINGS, ConfigError, read_settings

WRONG = [
    ("REVERSE_PROXY_COUNT", "-1", "must be a whole number, 0 or more, but is -1"),
    ("REVERSE_PROXY_COUNT", '"two"', "must be a whole number, 0 or more, but is 'two'"),
    ("REVERSE_PROXY_COUNT", "1.5", "must be a whole number"),
    ("REVERSE_PROXY_COUNT", "true", "must be a whole number"),
    ("SERVER_NAME", "5", "must be text, but is 5"),
    ("PLUGIN_FOLDERS", "[1]", "must be a list of folders"),
    ("PLUGIN_FOLDERS", "5", "must be a list of folders"),
    ("PLUGIN_COMPAT", '"maybe"', "must be true or false, but is 'maybe'"),
    ("CELERY", '"redis"', "must be a JSON object"),
    ("CELERY", "[]", "must be a mapping"),
    ("URL_REWRITE_RULES", '{"(" = "x"}', "has a rule that cannot be used, ('(', 'x')"),
    ("URL_REWRITE_RULES", '["x"]', "has a rule that cannot be used"),
    ("URL_REWRITE_RULES", '{"a" = 5}', "has a rule that cannot be used"),
    ("URL_FETCH_ALLOW", '"10.0.0.0/33"', "must list `*`, `public`, networks"),
    ("URL_FETCH_ALLOW", '"http://host/"', "must list `*`, `public`, networks"),
    ("URL_FETCH_ALLOW", "[]", "must list `*`, `public`"),
    ("SQL_IMPORT_URLS", '"a file"', "must be a database URL like"),
    (
        "SQL_IMPORT_URLS",
        '"postgresql://me@h/d"',
        "must list database URLs without user and",
    ),
    (
        "SQL_IMPORT_URLS",
        '"postgresql://h/d?password=x"',
        "must list database URLs without user and",
    ),
    ("SQL_IMPORT_URLS", '"postgresql://h"', "must name a database in each URL"),
    (
        "SQL_IMPORT_URLS",
        '"sqlite:///a.db"',
        "must name files of SQLite by their absolute",
    ),
    ("SQL_IMPORT_URLS", '"sqlite://"', "must name files of SQLite by their absolute"),
    (
        "SQL_IMPORT_URLS",
        '"sqlite:////a.db?uri=true"',
        "must name files of SQLite by their absolute",
    ),
    ("DEFAULT_LOG_SEVERITY", '"LOUD"', "must be a number or one of CRITICAL, ERROR"),
    ("DEFAULT_LOG_FORMAT_STYLE", '"#"', "must be one of %, {, $"),
    ("LOG_CONFIG", "5", "must be a mapping"),
    ("SQLALCHEMY_ENGINE_OPTIONS", "5", "must be a mapping"),
    ("SQLALCHEMY_DATABASE_URI", "5", "must be text"),
    ("SQLALCHEMY_DATABASE_URI", '"pw@host"', "must be a database URL like postgresql"),
    ("SECRET_KEY", "5", "must be text or bytes and not empty"),
]


@pytest.mark.parametrize(("name", "value", "complaint"), WRONG)
def test_wrong_value_is_named_with_setting_and_file(tmp_path, name, value, complaint):
    file = tmp_path / "config.toml"
    file.write_text(f"{name} = {value}\n")
    with pytest.raises(ConfigError) as error:
        read_settings(tmp_path)
    text = str(error.value)
    assert text.startswith(f"{name} ({file}) {complaint}")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("variable", "value", "start"),
    [
        ("REVERSE_PROXY_COUNT", "x", "REVERSE_PROXY_COUNT"),
        ("URL_MAP", "{", "URL_REWRITE_RULES"),
        ("URL_MAP", "[1]", "URL_REWRITE_RULES"),
        ("DEFAULT_LOG_LEVEL", "x", "DEFAULT_LOG_SEVERITY"),
        ("PLUGIN_COMPAT", "x", "PLUGIN_COMPAT"),
    ],
)
def test_wrong_variable_is_named_with_setting_and_variable(
    tmp_path, monkeypatch, variable, value, start
):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as error:
        read_settings(tmp_path)
    assert str(error.value).startswith(f"{start} (environment variable {variable}) ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "['hunter2']"),
        ("SQLALCHEMY_DATABASE_URI", "'admin:hunter2@host'"),
        ("SQLALCHEMY_DATABASE_URI", "'postgresql://admin@host:hunter2/name'"),
    ],
)
def test_no_message_repeats_a_secret(tmp_path, name, value):
    (tmp_path / "config.py").write_text(f"{name} = {value}\n")
    with pytest.raises(ConfigError) as error:
        read_settings(tmp_path)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("config.py", "API_TITLE = (", "cannot be read: '(' was never closed"),
        ("config.py", "1 / 0", "failed: ZeroDivisionError: division by zero"),
        ("config.py", "raise RuntimeError('a\\nb')", "failed: RuntimeError: a b"),
        ("config.py", "import no_such_package", "failed: ModuleNotFoundError"),
        ("config.py", "x = '\0'", "cannot be read: "),
        ("config.json", "{", "cannot be read: "),
        ("config.json", "[]", "cannot be read: must contain one object"),
        ("config.toml", "A = ", "cannot be read: Invalid value (at "),
        ("config.toml", "A = 1\nA = 2", "cannot be read: Cannot overwrite a value"),
    ],
)
def test_broken_file_is_named_in_one_line(tmp_path, file, text, complaint):
    (tmp_path / file).write_text(text)
    with pytest.raises(ConfigError) as error:
        read_settings(tmp_path)
    assert str(error.value).startswith(f"{tmp_path / file} {complaint}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("file", ["config.json", "config.toml"])
def test_file_that_is_no_utf_8_is_named(tmp_path, file):
    (tmp_path / file).write_bytes(b'"\xe9"')
    with pytest.raises(ConfigError, match=f"{file} cannot be read: 'utf-8' codec"):
        read_settings(tmp_path)


@pytest.mark.parametrize(
    ("uri", "used"),
    [
        ("postgresql+psycopg2://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p%25%3A@h/d", "postgresql+psycopg://u:p%25%3A@h/d"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql+pg8000://u:p@h/d", "postgresql+pg8000://u:p@h/d"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite:////a b/c.db", "sqlite:////a b/c.db"),
    ],
)
def test_database_url_keeps_password_and_name(tmp_path, uri, used):
    (tmp_path / "config.py").write_text(f"SQLALCHEMY_DATABASE_URI = {uri!r}\n")
    assert read_settings(tmp_path)["SQLALCHEMY_DATABASE_URI"] == used


@pytest.mark.parametrize(
    ("name", "value", "used"),
    [
        ("PLUGIN_FOLDERS", "'a:b'", ["a", "b"]),
        ("PLUGIN_FOLDERS", "('a', 'b')", ["a", "b"]),
        ("PLUGIN_FOLDERS", "[]", []),
        ("PLUGIN_COMPAT", "'off'", False),
        ("PLUGIN_COMPAT", "1", True),
        ("REVERSE_PROXY_COUNT", "' 3 '", 3),
        ("DEFAULT_LOG_SEVERITY", "'debug'", "DEBUG"),
        ("DEFAULT_LOG_SEVERITY", "15", 15),
        ("MAX_CONTENT_LENGTH", "None", None),
        ("SECRET_KEY", "b'bytes, and long enough'", b"bytes, and long enough"),
        ("LOG_CONFIG", """'{"version": 1}'""", {"version": 1}),
    ],
)
def test_value_may_be_written_in_several_ways(tmp_path, name, value, used):
    (tmp_path / "config.py").write_text(f"{name} = {value}\n")
    assert read_settings(tmp_path)[name] == used


def test_table_is_in_itself_consistent():
    for setting in SETTINGS:
        assert setting.help.endswith("."), setting.name
        assert setting.name.isupper()
        for debug in (False, True):
            default = setting.default_for(debug)
            used = None if default is None else setting.check(default, "default")
            assert used == default, setting.name
