"""The registry learns of virtual plugins at once."""

from contextlib import ExitStack

import pytest
from helpers.runner import runner
from helpers.worker import NO_BROKER, QUICK, working
from requests.exceptions import HTTPError

from qhana_plugin_runner.db.models.virtual_plugins import (
    VIRTUAL_PLUGIN_CREATED,
    VIRTUAL_PLUGIN_REMOVED,
)
from qhana_plugin_runner.registry_client import register_registry_client
from qhana_plugin_runner.registry_client.announce import announce_plugin

PLUGIN_URL = "http://runner:8080/plugins/parent@v1/virtual/5/?a=1"

TOLD = ("POST", "/api/plugins/", {"url": [PLUGIN_URL]})


@pytest.fixture
def make_runner(tmp_path):
    with ExitStack() as apps:

        def make(name="runner", registry_url=None, celery=QUICK):
            (tmp_path / name).mkdir()
            settings = {"CELERY": celery, "PLUGIN_REGISTRY_URL": registry_url}
            app = apps.enter_context(
                runner(tmp_path / name, PLUGIN_FOLDERS=[], **settings)
            )
            register_registry_client(app)
            return app

        yield make


def test_the_registry_is_told_of_plugins_that_come_and_go(registry, make_runner):
    for name in ("first", "second"):
        # The signals of a process connect once, however many apps there are.
        app = make_runner(name, registry_url=f"{registry.url}/api/")
    with working():
        for signal in (VIRTUAL_PLUGIN_CREATED, VIRTUAL_PLUGIN_REMOVED):
            with app.app_context():
                signal.send(app, plugin_url=PLUGIN_URL)
            assert registry.next_change() == TOLD
    assert not registry.changed()


def test_the_registry_is_told_again_when_it_fails(registry, make_runner):
    app = make_runner(registry_url=f"{registry.url}/api/")
    registry.failures = 1
    with working(), app.app_context():
        VIRTUAL_PLUGIN_CREATED.send(app, plugin_url=PLUGIN_URL)
        assert registry.next_change() == TOLD


def test_without_a_registry_nothing_is_sent(make_runner):
    app = make_runner(registry_url=None, celery=NO_BROKER)
    with app.app_context():
        answers = VIRTUAL_PLUGIN_CREATED.send(app, plugin_url=PLUGIN_URL)
    assert [answer for _, answer in answers] == [None]


def test_a_broker_that_is_away_is_logged_and_does_not_stop_the_plugin(
    make_runner, caplog
):
    app = make_runner(registry_url="http://localhost/api/", celery=NO_BROKER)
    with app.app_context():
        VIRTUAL_PLUGIN_CREATED.send(app, plugin_url=PLUGIN_URL)
    assert (
        "the registry is not notified about http://runner:8080/plugins/parent@v1"
        in caplog.text
    )


def test_a_registry_that_cannot_be_told_is_logged(registry, make_runner, caplog):
    app = make_runner(registry_url=f"{registry.url}/api/services/")
    registry.extra["/api/"] = registry.answer("GET", "/api/services/", {})
    with app.app_context():
        announce_plugin(plugin_url=PLUGIN_URL)
    assert "does not accept notifications" in caplog.text and not registry.changed()


def test_a_registry_that_keeps_failing_is_given_up(registry, make_runner):
    app = make_runner(registry_url=f"{registry.url}/api/")
    registry.failures = 1000
    with app.app_context():
        result = announce_plugin.s(plugin_url=PLUGIN_URL).apply()
    assert isinstance(result.result, HTTPError)
    assert registry.failures == 1000 - 7
