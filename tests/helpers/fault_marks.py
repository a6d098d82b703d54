"""A plugin of pytest that tells which faults the tests make: one line of JSON for each mark."""

import json


def pytest_collection_finish(session):
    for item in session.items:
        for mark in item.iter_markers("fault"):
            print("fault:", json.dumps(mark.args))
