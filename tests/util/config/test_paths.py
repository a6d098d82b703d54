"""Relative paths in settings: tasks work elsewhere, and libraries would look for them there."""

import pytest

from qhana_plugin_runner.util.config import load_test_settings
from qhana_plugin_runner.util.config.paths import absolute_environment


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "my ca.pem").touch()
    (tmp_path / "require").mkdir()  # called like a value that is no path
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "given, used",
    [
        ("rediss://h/0?ssl_ca_certs=my+ca.pem", "rediss://h/0?ssl_ca_certs=my+ca.pem"),
        (
            "rediss://h/0?ssl_ca_certs=my%20ca.pem",
            "rediss://h/0?ssl_ca_certs={}/my%20ca.pem",
        ),
        (
            "rediss://h/?a=1&ssl_certfile=none.pem",
            "rediss://h/?a=1&ssl_certfile=none.pem",
        ),
        ("db+sqlite:///results.db", "db+sqlite:///{}/results.db"),
        ("db+sqlite:////results.db", "db+sqlite:////results.db"),
        ("file://results", "file://{}/results"),
        ("file:///results", "file:///results"),
        ("redis://h:1/my ca.pem", "redis://h:1/my ca.pem"),
    ],
)
def test_files_in_urls_of_celery_are_found_from_everywhere(folder, given, used):
    config = {}
    load_test_settings(config, {"CELERY": {"result_backend": given}}, folder)
    assert config["CELERY"]["result_backend"] == used.format(folder)


def test_certificates_of_broker_and_database_are_found_from_everywhere(folder):
    config, celery = {}, {"broker_use_ssl": {"ca_certs": "my ca.pem", "ssl_cert_reqs": 2}}
    url = "postgresql+psycopg://u:p@h/d?sslmode=require&sslrootcert=my%20ca.pem"
    options = {"connect_args": {"ssl": {"ca": "my ca.pem"}}}
    settings = {"SQLALCHEMY_DATABASE_URI": url, "SQLALCHEMY_ENGINE_OPTIONS": options}
    load_test_settings(config, {"CELERY": celery, **settings}, folder)
    celery = config["CELERY"]["broker_use_ssl"]
    assert celery == {"ca_certs": f"{folder}/my ca.pem", "ssl_cert_reqs": 2}
    args = config["SQLALCHEMY_ENGINE_OPTIONS"]["connect_args"]
    assert args == {"ssl": {"ca": f"{folder}/my ca.pem"}}
    assert f"sslrootcert={folder}/my%20ca.pem" in config["SQLALCHEMY_DATABASE_URI"]


def test_environment_of_libraries_names_files_that_are_found_from_everywhere(folder):
    environment = {
        "SSL_CERT_FILE": "my ca.pem",
        "PYTHONPATH": "require:/x",
        "OTHER": "my ca.pem",
    }
    absolute_environment(environment)
    assert environment["SSL_CERT_FILE"] == f"{folder}/my ca.pem"
    assert environment["PYTHONPATH"] == f"{folder}/require:/x"
    assert environment["OTHER"] == "my ca.pem"
