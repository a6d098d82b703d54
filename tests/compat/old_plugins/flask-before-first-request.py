from flask import Blueprint, Flask


def check():
    app = Flask(__name__)
    blueprint = Blueprint("plugin", __name__)
    calls = []

    @app.before_request
    def each():
        calls.append("each")

    @app.before_first_request
    def first():
        calls.append("first")

    @blueprint.before_app_first_request
    def second():
        calls.append("second")

    app.register_blueprint(blueprint)
    client = app.test_client()
    client.get("/")
    client.get("/")
    assert calls == ["first", "second", "each", "each"]
