import datetime
import json

from flask import Blueprint, Flask, jsonify
from flask.json import JSONEncoder


class ComplexEncoder(JSONEncoder):
    def default(self, o):
        if isinstance(o, complex):
            return [o.real, o.imag]
        return super().default(o)


class SetEncoder(json.JSONEncoder):
    def default(self, o):
        return sorted(o)


def check():
    app = Flask(__name__)
    app.json.sort_keys = False
    app.json_encoder = ComplexEncoder
    assert app.json_encoder is ComplexEncoder
    blueprint = Blueprint("sets", __name__)
    blueprint.json_encoder = SetEncoder
    outer = Blueprint("outer", __name__)
    outer.register_blueprint(blueprint)

    @app.route("/app")
    def on_app():
        return jsonify(z=2 + 3j, a=datetime.date(2024, 2, 29))

    @blueprint.route("/blueprint")
    def on_blueprint():
        return jsonify({3, 1, 2})

    app.register_blueprint(outer)
    client = app.test_client()
    answer = client.get("/app").json
    assert answer == {"z": [2.0, 3.0], "a": "Thu, 29 Feb 2024 00:00:00 GMT"}
    assert list(answer) == ["z", "a"]
    assert client.get("/blueprint").json == [1, 2, 3]
