"""Files of tasks, and what pages show of them."""

import io

import pytest
from helpers.html_tree import read_html


@pytest.fixture
def upload(client):
    """Upload a file; return what the runner says of it."""

    def upload(name, content, data_type="entity/list", content_type=""):
        answer = client.post(
            "/files/",
            data={
                "file": (io.BytesIO(content), name),
                "dataType": data_type,
                "contentType": content_type,
            },
        )
        assert answer.status_code == 201, answer.text
        assert answer.headers["Location"] == answer.json["href"]
        return answer.json

    return upload


@pytest.fixture
def fragment(client):
    """Get a fragment, and read it."""

    def fragment(path, **query):
        answer = client.get(f"/workbench/{path}", query_string=query or None)
        assert answer.status_code == 200, answer.text
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        return read_html(answer.text)

    return fragment
