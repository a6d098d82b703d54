from flask import Markup, escape


def check():
    assert str(escape("<")) == "&lt;"
    assert Markup("<b>%s</b>") % "<" == Markup("<b>&lt;</b>")
