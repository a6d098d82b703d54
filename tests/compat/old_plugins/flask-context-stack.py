from flask import Flask, _app_ctx_stack
from flask.globals import _request_ctx_stack


def check():
    app = Flask(__name__)
    assert _app_ctx_stack.top is None
    with app.test_request_context("/path"):
        assert _app_ctx_stack.top.app is app
        assert _request_ctx_stack.top.request.path == "/path"
