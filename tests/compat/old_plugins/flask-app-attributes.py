from flask import Flask


def check():
    app = Flask(__name__)
    app.templates_auto_reload = True
    assert app.config["TEMPLATES_AUTO_RELOAD"] is True
    assert app.session_cookie_name == "session"
    app.config["ENV"] = "development"
    assert app.env == "development"
