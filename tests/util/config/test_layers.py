"""The layers of the settings: which are read, and which one wins."""

import json
import logging

import pytest
from flask import Config

from qhana_plugin_runner import create_app
from qhana_plugin_runner.util.config import (
    CELERY_DEBUG_CONFIG,
    CELERY_PRODUCTION_CONFIG,
    SETTINGS,
    ConfigError,
    DebugConfig,
    ProductionConfig,
    is_debug,
    read_settings,
)
from qhana_plugin_runner.util.config.settings import defaults


def write_layer(instance, layer, monkeypatch, value):
    """Set the host name of the server, the title and one key of Celery in one layer."""
    values = {"SERVER_NAME": value, "API_TITLE": value, "CELERY": {value: 1}}
    python = "\n".join(f"{key} = {content!r}" for key, content in values.items())
    if layer == "config.py":
        (instance / layer).write_text(python)
    elif layer == "config.json":
        (instance / layer).write_text(json.dumps(values))
    elif layer == "config.toml":
        text = f'SERVER_NAME = "{value}"\nAPI_TITLE = "{value}"\n[CELERY]\n{value} = 1\n'
        (instance / layer).write_text(text)
    elif layer == "file":
        (instance / "named.cfg").write_text(python)
        monkeypatch.setenv("QHANA_PLUGIN_RUNNER_SETTINGS", str(instance / "named.cfg"))
    else:
        monkeypatch.setenv("SERVER_NAME", value)
        monkeypatch.setenv("BROKER_URL", f"redis://{value}")


LAYERS = ["config.py", "config.json", "config.toml", "file", "environment"]


def test_each_layer_is_laid_over_those_before_it(tmp_path, monkeypatch):
    assert read_settings(tmp_path)["SERVER_NAME"] is None
    for number, layer in enumerate(LAYERS):
        write_layer(tmp_path, layer, monkeypatch, f"layer{number}")
        settings = read_settings(tmp_path)
        assert settings["SERVER_NAME"] == f"layer{number}"
        # The environment does not set the title: the last file does.
        assert settings["API_TITLE"] == f"layer{min(number, 3)}"


def test_order_of_the_layers_is_not_that_of_their_making(tmp_path, monkeypatch):
    for number, layer in reversed(list(enumerate(LAYERS))):
        write_layer(tmp_path, layer, monkeypatch, f"layer{number}")
        assert read_settings(tmp_path)["SERVER_NAME"] == "layer4"


def test_celery_of_each_layer_is_merged_into_the_defaults(tmp_path, monkeypatch):
    for number, layer in enumerate(LAYERS):
        write_layer(tmp_path, layer, monkeypatch, f"layer{number}")
    celery = read_settings(tmp_path)["CELERY"]
    assert {f"layer{number}": 1 for number in range(4)}.items() <= celery.items()
    assert celery["broker_url"] == "redis://layer4"
    assert celery["task_default_queue"] == "qhana_plugin_runner"
    assert "layer0" not in CELERY_PRODUCTION_CONFIG


@pytest.mark.parametrize("name", ["extra.toml", "extra.json", "extra.py", "extra"])
@pytest.mark.parametrize("relative_to", ["nothing", "instance", "working directory"])
def test_named_file_is_read_by_its_ending_from_where_it_is(
    tmp_path, monkeypatch, name, relative_to
):
    instance, elsewhere = tmp_path / "instance", tmp_path / "elsewhere"
    instance.mkdir(), elsewhere.mkdir()
    text = {"json": '{"API_TITLE": "extra"}'}.get(
        name.rpartition(".")[2], 'API_TITLE = "extra"'
    )
    file = (instance if relative_to == "instance" else elsewhere) / name
    file.write_text(text)
    monkeypatch.chdir(elsewhere)
    named = str(file) if relative_to == "nothing" else name
    monkeypatch.setenv("QHANA_PLUGIN_RUNNER_SETTINGS", named)
    assert read_settings(instance)["API_TITLE"] == "extra"


def test_named_file_that_is_missing_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("QHANA_PLUGIN_RUNNER_SETTINGS", "nowhere.cfg")
    with pytest.raises(
        ConfigError, match="QHANA_PLUGIN_RUNNER_SETTINGS names 'nowhere.cfg'"
    ):
        read_settings(tmp_path)


ENVIRONMENT = [
    ("PLUGIN_FOLDERS", "/a:b:", "PLUGIN_FOLDERS", ["/a", "b"]),
    ("DEFAULT_FILE_STORE", "minio", "DEFAULT_FILE_STORE", "minio"),
    ("SERVER_NAME", "host:80", "SERVER_NAME", "host:80"),
    ("PLUGIN_REGISTRY_URL", "http://r/", "PLUGIN_REGISTRY_URL", "http://r/"),
    ("REVERSE_PROXY_COUNT", "2", "REVERSE_PROXY_COUNT", 2),
    ("ALLOWED_HOSTS", "Own.example, [::2]", "ALLOWED_HOSTS", ["own.example", "::2"]),
    ("ALLOWED_ORIGINS", "https://UI:443/", "ALLOWED_ORIGINS", ["https://ui"]),
    ("AUTH_MODE", "token", "AUTH_MODE", "token"),
    ("AUTH_ISSUER", "https://login", "AUTH_ISSUER", "https://login"),
    ("AUTH_AUDIENCE", "qhana", "AUTH_AUDIENCE", "qhana"),
    ("AUTH_ROLE_CLAIM", "a.roles", "AUTH_ROLE_CLAIM", "a.roles"),
    (
        "QHANA_SECRET_KEY",
        "16 characters and more",
        "SECRET_KEY",
        "16 characters and more",
    ),
    ("PLUGIN_COMPAT", "0", "PLUGIN_COMPAT", False),
    ("MAINTENANCE", "off", "MAINTENANCE", False),
    ("METRICS_PORT", "9464", "METRICS_PORT", 9464),
    ("METRICS_HOST", "0.0.0.0", "METRICS_HOST", "0.0.0.0"),
    ("TASK_QUEUES", '{"*-gpu@*": "gpu"}', "TASK_QUEUES", {"*-gpu@*": "gpu"}),
    ("TASK_SHUTDOWN_SECONDS", "7.5", "TASK_SHUTDOWN_SECONDS", 7.5),
    ("WORKER_HEARTBEAT_FILE", "/tmp/beat", "WORKER_HEARTBEAT_FILE", "/tmp/beat"),
    ("TASK_TIME_LIMIT_SECONDS", "60", "TASK_TIME_LIMIT_SECONDS", 60.0),
    ("TASK_MAX_PER_CLIENT", "9", "TASK_MAX_PER_CLIENT", 9),
    ("STATUS_WAITERS_PER_CLIENT", "2", "STATUS_WAITERS_PER_CLIENT", 2),
    ("TASK_MAX_RESULT_BYTES", "1000", "TASK_MAX_RESULT_BYTES", 1000),
    ("TASK_MAX_MEMORY_BYTES", "1000", "TASK_MAX_MEMORY_BYTES", 1000),
    ("TASK_WORKING_FOLDER", "no", "TASK_WORKING_FOLDER", False),
    ("WEBHOOK_SECRET", f"whsec_{'A' * 32}", "WEBHOOK_SECRET", (bytes(24),)),
    ("RETENTION_FINISHED_DAYS", "30", "RETENTION_FINISHED_DAYS", 30.0),
    ("RETENTION_TEMP_FILE_DAYS", "1", "RETENTION_TEMP_FILE_DAYS", 1.0),
    ("RETENTION_ORPHAN_DAYS", "2", "RETENTION_ORPHAN_DAYS", 2.0),
    ("S3_BUCKET", "results", "S3_BUCKET", "results"),
    ("S3_ENDPOINT_URL", "http://minio:9000", "S3_ENDPOINT_URL", "http://minio:9000"),
    ("S3_PUBLIC_ENDPOINT_URL", "https://s3", "S3_PUBLIC_ENDPOINT_URL", "https://s3"),
    ("S3_REGION", "eu-central-1", "S3_REGION", "eu-central-1"),
    ("S3_KEY_PREFIX", "qhana/", "S3_KEY_PREFIX", "qhana/"),
    ("S3_ACCESS_KEY_ID", "key", "S3_ACCESS_KEY_ID", "key"),
    ("S3_SECRET_ACCESS_KEY", "s3cret", "S3_SECRET_ACCESS_KEY", "s3cret"),
    ("S3_DOWNLOAD", "presigned", "S3_DOWNLOAD", "presigned"),
    (
        "OUTGOING_TOKENS",
        '{"https://Other.example:443/": "abc"}',
        "OUTGOING_TOKENS",
        {"https://other.example": "abc"},
    ),
    ("FILE_URL_FOLDERS", "/srv/a:b", "FILE_URL_FOLDERS", ["/srv/a", "b"]),
    ("URL_FETCH_ALLOW", "10.0.0.1 a:1", "URL_FETCH_ALLOW", ["10.0.0.1/32", "a:1"]),
    (
        "SQL_IMPORT_URLS",
        "postgresql://h/d sqlite:////d/a.db",
        "SQL_IMPORT_URLS",
        ["postgresql+psycopg://h/d", "sqlite:////d/a.db"],
    ),
    ("URL_FETCH_MAX_BYTES", "9", "URL_FETCH_MAX_BYTES", 9),
    ("URL_FETCH_TOTAL_SECONDS", "3", "URL_FETCH_TOTAL_SECONDS", 3.0),
    ("DEFAULT_LOG_LEVEL", "warn", "DEFAULT_LOG_SEVERITY", "WARN"),
    ("DEFAULT_LOG_FORMAT_STYLE", "json", "DEFAULT_LOG_FORMAT_STYLE", "json"),
    (
        "SQLALCHEMY_DATABASE_URI",
        "postgresql+psycopg2://u:p%40ss%2F@h:5/d?sslmode=require",
        "SQLALCHEMY_DATABASE_URI",
        "postgresql+psycopg://u:p%40ss%2F@h:5/d?sslmode=require",
    ),
]


def test_environment_variable_sets_its_setting(tmp_path, monkeypatch):
    for variable, text, name, value in ENVIRONMENT:
        with monkeypatch.context() as environment:
            environment.setenv(variable, text)
            assert read_settings(tmp_path)[name] == value, variable


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("BROKER_URL", "broker_url"),
        ("RESULT_BACKEND", "result_backend"),
        ("CELERY_QUEUE", "task_default_queue"),
    ],
)
def test_environment_variable_sets_its_key_of_celery(
    tmp_path, monkeypatch, variable, key
):
    monkeypatch.setenv(variable, "given")
    changed = {**CELERY_PRODUCTION_CONFIG, key: "given"}
    assert read_settings(tmp_path)["CELERY"] == changed


REDIS, OTHER = "redis://h:1/0", "redis://other:2/0"


@pytest.mark.parametrize(
    ("file", "environment", "expected"),
    [
        ({}, {"BROKER_URL": REDIS}, REDIS),
        ({"broker_url": REDIS}, {}, REDIS),
        ({"broker_url": OTHER}, {"BROKER_URL": REDIS}, REDIS),
        ({"result_backend": OTHER}, {"BROKER_URL": REDIS}, OTHER),
        ({}, {"BROKER_URL": REDIS, "RESULT_BACKEND": OTHER}, OTHER),
        ({}, {"BROKER_URL": "amqp://h"}, CELERY_PRODUCTION_CONFIG["result_backend"]),
    ],
)
def test_results_go_to_the_redis_server_of_the_messages_unless_another_place_is_named(
    tmp_path, monkeypatch, file, environment, expected
):
    (tmp_path / "config.json").write_text(json.dumps({"CELERY": file}))
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert read_settings(tmp_path)["CELERY"]["result_backend"] == expected


@pytest.mark.parametrize("variable", ["URL_MAP", "URL_REWRITE_RULES"])
def test_url_rules_come_from_either_variable_in_order(tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, '{"^http://localhost": "http://host", "b": "a"}')
    rules = read_settings(tmp_path)["URL_REWRITE_RULES"]
    shown = [(pattern.pattern, text) for pattern, text in rules]
    assert shown == [("^http://localhost", "http://host"), ("b", "a")]
    assert rules[0][0].sub(rules[0][1], "http://localhost:1/") == "http://host:1/"


def test_every_variable_of_the_table_is_tested():
    tested = {row[0] for row in ENVIRONMENT} | {"URL_MAP", "URL_REWRITE_RULES"}
    tested |= {"BROKER_URL", "RESULT_BACKEND", "CELERY_QUEUE"}
    tested |= {"AUTH_PUBLIC_KEY"}  # needs two more: tests/security/test_people.py
    assert {variable for setting in SETTINGS for variable in setting.env} == tested


def test_empty_variable_counts_as_not_set(tmp_path, monkeypatch):
    usual = read_settings(tmp_path)
    for variable in sorted(each for setting in SETTINGS for each in setting.env):
        with monkeypatch.context() as environment:
            environment.setenv(variable, "")
            assert read_settings(tmp_path) == usual, variable


@pytest.mark.parametrize(
    ("variables", "debug"),
    [
        ({}, False),
        ({"FLASK_ENV": "development"}, True),
        ({"FLASK_ENV": "production"}, False),
        ({"FLASK_DEBUG": "1"}, True),
        ({"FLASK_DEBUG": "0", "FLASK_ENV": "development"}, False),
        ({"FLASK_DEBUG": "true", "FLASK_ENV": "production"}, True),
    ],
)
def test_debug_mode_is_asked_for_by_the_environment(monkeypatch, variables, debug):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_debug() is debug


def test_debug_mode_has_its_own_defaults(tmp_path):
    assert read_settings(tmp_path)["PLUGIN_FOLDERS"] == ["./plugins"]
    debug = read_settings(tmp_path, debug=True)
    assert debug["PLUGIN_FOLDERS"] == ["./plugins", "./local_plugins"]
    assert debug["DEBUG"] is True


@pytest.mark.parametrize(
    ("cls", "debug"), [(ProductionConfig, False), (DebugConfig, True)]
)
def test_config_classes_hold_the_defaults(tmp_path, cls, debug):
    config = Config(tmp_path)
    config.from_object(cls)
    assert config.pop("DEBUG") is debug
    assert config.pop("TESTING") is False
    assert config == defaults(debug)


def test_celery_defaults_are_importable_by_test_suites():
    assert dict(CELERY_DEBUG_CONFIG) == CELERY_PRODUCTION_CONFIG
    assert CELERY_PRODUCTION_CONFIG["task_default_queue"] == "qhana_plugin_runner"


def test_defaults_of_one_app_are_not_those_of_another(tmp_path):
    read_settings(tmp_path)["PLUGIN_FOLDERS"].append("x")
    read_settings(tmp_path)["CELERY"]["x"] = 1
    again = read_settings(tmp_path)
    assert again["PLUGIN_FOLDERS"] == ["./plugins"] and "x" not in again["CELERY"]


@pytest.mark.parametrize("folder", ["instance", "in stance", "größe", "50%", "a+b"])
def test_default_database_is_sqlite_in_the_instance_folder(tmp_path, folder):
    from sqlalchemy.engine import make_url

    url = make_url(read_settings(tmp_path / folder)["SQLALCHEMY_DATABASE_URI"])
    assert url.drivername == "sqlite"
    assert url.database == str(tmp_path / folder / "qhana_plugin_runner.db")


def test_unknown_names_pass_through(tmp_path, caplog):
    (tmp_path / "config.toml").write_text(
        'MINIO_CLIENT = "x"\nWF_EDITOR = "y"\nSQLALCHEMY_BINDS = {}\n[MINIO]\nkey = 1\n'
    )
    settings = read_settings(tmp_path)
    assert settings["MINIO"] == {"key": 1} and settings["WF_EDITOR"] == "y"
    assert settings["NISQ_ANALYZER_UI_URL"] == "http://localhost:4201"
    assert caplog.records == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PLUGIN_FOLDER", "PLUGIN_FOLDERS"),
        ("SQLALCHEMY_DATABASE_URL", "SQLALCHEMY_DATABASE_URI"),
        ("server_name", "SERVER_NAME"),
        ("URL_MAP", "URL_REWRITE_RULES"),
        ("BROKER_URL", "CELERY"),
    ],
)
def test_unknown_name_that_resembles_a_known_one_gets_a_hint(
    tmp_path, caplog, name, meant
):
    (tmp_path / "config.json").write_text(json.dumps({name: "x"}))
    with caplog.at_level(logging.WARNING):
        assert read_settings(tmp_path)[name] == "x"
    (record,) = caplog.records
    text = record.getMessage()
    assert f"unknown setting {name} ({tmp_path / 'config.json'})" in text
    assert f"did you mean {meant}?" in text


@pytest.fixture
def hostile_instance(tmp_path, monkeypatch):
    """An instance and an environment that would break an app which reads them."""
    for layer in ("config.py", "config.json", "config.toml"):
        (tmp_path / layer).write_text("{broken")
    monkeypatch.setenv("QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER", str(tmp_path))
    monkeypatch.setenv("QHANA_PLUGIN_RUNNER_SETTINGS", "nowhere")
    for setting in SETTINGS:
        for variable in setting.env:
            monkeypatch.setenv(variable, "{broken")
    monkeypatch.setenv("PLUGIN_COMPAT", "1")
    return tmp_path


def test_mapping_is_all_that_is_loaded(hostile_instance):
    before = sorted(hostile_instance.iterdir())
    app = create_app({"API_TITLE": "T", "OWN": 1, "CELERY": {"x": 1}})
    assert (app.config["API_TITLE"], app.config["OWN"]) == ("T", 1)
    assert app.config["CELERY"] == {**CELERY_PRODUCTION_CONFIG, "x": 1}
    assert app.config["PLUGIN_FOLDERS"] == []
    assert app.config["SQLALCHEMY_DATABASE_URI"] == "sqlite:///:memory:"
    assert app.debug is False
    assert sorted(hostile_instance.iterdir()) == before


def test_mapping_is_laid_over_the_debug_defaults_in_development(
    hostile_instance, monkeypatch
):
    monkeypatch.setenv("FLASK_ENV", "development")
    # The folders are those of the working directory.
    monkeypatch.chdir(hostile_instance)
    app = create_app({"API_TITLE": "T"})
    assert app.debug is True
    assert app.config["PLUGIN_FOLDERS"] == ["./plugins", "./local_plugins"]
    assert app.config["SQLALCHEMY_DATABASE_URI"] == "sqlite:///:memory:"
    assert create_app({"PLUGIN_FOLDERS": []}).config["PLUGIN_FOLDERS"] == []


def test_mapping_without_secret_gets_one_of_its_own(hostile_instance):
    secrets = {create_app({}).config["SECRET_KEY"] for _ in range(2)}
    secrets.add(create_app({"SECRET_KEY": None}).config["SECRET_KEY"])
    assert len(secrets) == 3 and all(len(secret) >= 32 for secret in secrets)
    assert not (hostile_instance / "secret_key").exists()


def test_mapping_is_checked(hostile_instance):
    with pytest.raises(ConfigError, match=r"REVERSE_PROXY_COUNT \(test_config\) must be"):
        create_app({"REVERSE_PROXY_COUNT": "many"})


@pytest.mark.parametrize(
    "layer", ["mapping", "config.py", "config.json", "config.toml", "env"]
)
def test_reverse_proxies_are_believed_whatever_layer_counts_them(
    tmp_path, monkeypatch, layer
):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER", str(tmp_path))
    monkeypatch.setenv("PLUGIN_FOLDERS", str(tmp_path / "empty"))
    text = "REVERSE_PROXY_COUNT = 1"
    if layer == "env":
        monkeypatch.setenv("REVERSE_PROXY_COUNT", "1")
    elif layer != "mapping":
        text = '{"REVERSE_PROXY_COUNT": 1}' if layer == "config.json" else text
        (tmp_path / layer).write_text(text)
    mapping = {"REVERSE_PROXY_COUNT": 1} if layer == "mapping" else None
    app = create_app(mapping, silent_log=True)
    app.add_url_rule("/where", view_func=lambda: __import__("flask").request.url)
    headers = {
        "X-Forwarded-Proto": "https, http",
        "X-Forwarded-Host": "evil, qhana.example",
        "X-Forwarded-Prefix": "/runner",
    }
    answer = app.test_client().get("/where", headers=headers)
    assert answer.text == "http://qhana.example/runner/where"


def test_no_proxy_is_believed_by_default():
    app = create_app({})
    app.add_url_rule("/where", view_func=lambda: __import__("flask").request.url)
    answer = app.test_client().get("/where", headers={"X-Forwarded-Host": "evil"})
    assert answer.text == "http://localhost/where"
