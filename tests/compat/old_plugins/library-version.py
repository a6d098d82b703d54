import flask_smorest
import marshmallow
import werkzeug


def check():
    assert int(marshmallow.__version__.split(".")[0]) >= 3
    assert int(werkzeug.__version__.split(".")[0]) >= 2
    assert flask_smorest.__version__
