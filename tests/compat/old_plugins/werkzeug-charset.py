from flask import Flask, request
from werkzeug.wrappers import Response


class Latin(Response):
    charset = "latin-1"


def check():
    with Flask(__name__).test_request_context():
        assert b"a".decode(request.charset) == "a"
    assert Response("a").charset == "utf-8"
    assert Latin("a").charset == "latin-1"
