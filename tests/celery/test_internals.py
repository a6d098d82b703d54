"""What the runner uses of Celery and kombu that is not documented: each name with its place.

``pyproject.toml`` bounds both from above. Before a bound is raised, this tells what has vanished.
"""

from importlib import import_module
from inspect import getsource, signature
from operator import attrgetter

import pytest

INTERNALS = {
    # celery.py: registers a message right before it leaves
    "celery.app.amqp:AMQP._create_task_sender": (),
    # celery.py: a result backend that sends held messages before it waits
    "celery.app.base:Celery._get_backend": ("self",),
    # tasking/results.py: stores a success without a look at what is there
    "celery.backends.base:KeyValueStoreBackend._store_result": (
        "self",
        "task_id",
        "result",
        "state",
        "traceback",
        "request",
    ),
    "celery.backends.base:KeyValueStoreBackend._get_result_meta": (
        "self",
        "result",
        "state",
        "traceback",
        "request",
    ),
    "celery.backends.redis:RedisBackend._set_with_state": ("self", "key", "value"),
    # celery.py: another configuration in the same process
    "celery.app.base:Celery._after_fork": ("self",),
    # plugins/modules.py: takes back what a plugin that failed has registered
    "celery._state:_on_app_finalizers": (),
    "celery.local:maybe_evaluate": ("obj",),
    # tasking/last_link.py: what is left of a chain is read after the task has returned
    "celery.app.trace:build_tracer": ("name", "task"),
    # worker/request.py: tells the monitor how a process has ended
    "celery.worker.request:Request.on_failure": ("self", "exc_info"),
    "celery.worker.request:Request.on_timeout": ("self", "soft", "timeout"),
    "celery.worker.request:Request._success_was_stored": ("self",),
    # worker/monitor.py: what a worker has
    "celery.worker.state:active_requests": (),
    "celery.worker.state:reserved_requests": (),
    # worker/children.py: processes of the pool
    "celery.concurrency.asynpool:Worker._make_child_methods": ("self",),
    "celery.concurrency.asynpool:AsynPool.maintain_pool": ("self",),
    # worker/wake.py: the ends of tasks in threads
    "celery.concurrency.base:BasePool.on_apply": (),
    # tasking/transport.py: one client for all messages of a channel
    "kombu.transport.redis:Channel._create_client": ("self", "asynchronous"),
    "kombu.transport.redis:Channel.pool": (),
    # worker/broker_queues.py: queues in Redis
    "kombu.transport.redis:Channel._q_for_pri": ("self", "queue", "pri"),
    "kombu.transport.redis:Channel.unacked_key": (),
    "kombu.transport.redis:QoS.restore_by_tag": ("self", "tag"),
}
"""Names, with the first parameters that the runner passes."""


@pytest.mark.parametrize("name, parameters", INTERNALS.items(), ids=list(INTERNALS))
def test_an_internal_name_is_there(name, parameters):
    module, _, attribute = name.partition(":")
    try:
        found = attrgetter(attribute)(import_module(module))
    except (ImportError, AttributeError):
        pytest.fail(f"{name} has vanished: see where the runner uses it")
    if parameters:
        now = tuple(signature(found).parameters)[: len(parameters)]
        assert now == parameters, f"{name} takes other arguments: {now}"


@pytest.mark.parametrize("name", ["_backend_cache", "_local", "_pending"])
def test_an_app_has_an_internal_attribute(name):
    from qhana_plugin_runner.celery import CELERY

    assert hasattr(CELERY, name), f"Celery.{name} has vanished"


def test_the_selector_of_a_broker_maps_files_to_channels():
    from kombu.transport.redis import MultiChannelPoller

    assert hasattr(MultiChannelPoller(), "_fd_to_chan")


def test_a_chain_is_read_after_its_task_has_returned():
    source = getsource(import_module("celery.app.trace").build_tracer)
    assert source.index("fun(*args, **kwargs)") < source.index("task_request.chain,\n")
