"""Logging is configured for the whole process: each test gets it back as it was."""

import logging

import pytest


@pytest.fixture
def logging_restored():
    root = logging.getLogger()
    loggers = [root]
    loggers += [
        each for each in root.manager.loggerDict.values() if hasattr(each, "handlers")
    ]
    state = [
        (each, each.level, list(each.handlers), each.propagate, each.disabled)
        for each in loggers
    ]
    filters = {handler: list(handler.filters) for handler in root.handlers}
    yield
    for each in root.manager.loggerDict.values():
        if hasattr(each, "handlers") and each not in loggers:
            each.handlers, each.propagate = [], True
    for each, level, handlers, propagate, disabled in state:
        each.setLevel(level)
        each.handlers, each.propagate, each.disabled = handlers, propagate, disabled
    for handler, known in filters.items():
        handler.filters = known
