"""Apps with files of tasks, on both databases."""

import io

import pytest
from helpers.databases import app, postgresql, postgresql_database  # noqa: F401
from helpers.html_tree import read_html
from helpers.runner import client, context  # noqa: F401


@pytest.fixture
def upload(client):  # noqa: F811
    """Upload a file; return what the runner says of it."""

    def upload(name, content, data_type="entity/list", content_type=""):
        answer = client.post(
            "/workbench/uploads/",
            data={
                "file": (io.BytesIO(content), name),
                "dataType": data_type,
                "contentType": content_type,
            },
        )
        assert answer.status_code == 201, answer.text
        return answer.json

    return upload


@pytest.fixture
def fragment(client):  # noqa: F811
    """Get a fragment, and read it."""

    def fragment(path, **query):
        answer = client.get(f"/workbench/{path}", query_string=query or None)
        assert answer.status_code == 200, answer.text
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        return read_html(answer.text)

    return fragment
