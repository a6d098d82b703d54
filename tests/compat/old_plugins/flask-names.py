import flask
from flask import Markup, escape
from flask.helpers import safe_join


def check():
    assert str(escape("<")) == "&lt;"
    assert Markup("<b>%s</b>") % "<" == Markup("<b>&lt;</b>")
    assert safe_join("folder", "../x") is None
    assert flask.signals_available
