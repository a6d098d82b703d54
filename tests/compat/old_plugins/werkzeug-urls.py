from werkzeug.datastructures import MultiDict
from werkzeug.urls import (
    url_decode,
    url_encode,
    url_fix,
    url_join,
    url_parse,
    url_quote,
    url_quote_plus,
    url_unparse,
    url_unquote,
    url_unquote_plus,
)


def check():
    assert url_quote("a b/c:d?\u00e9") == "a%20b/c:d%3F%C3%A9"
    assert url_quote(b"a&b", safe="&", unsafe="&") == "a%26b"
    assert url_quote(5) == "5"
    assert url_quote("!$'()*+,;") == "!$'()*+,;"
    assert url_quote_plus("a b/c+d(e)") == "a+b%2Fc%2Bd(e)"
    assert url_unquote("a%20b+c") == "a b+c"
    assert url_unquote_plus("a%20b+c") == "a b c"
    query = MultiDict([("b", "1 2"), ("a", "x"), ("b", "3")])
    assert url_encode(query) == "b=1+2&b=3&a=x"
    assert url_encode({"b": 1, "a": None, "c": "="}, sort=True) == "b=1&c=%3D"
    pairs = [("a", "1 2"), ("a", ""), ("b", "")]
    assert url_decode("a=1+2&a=&b") == MultiDict(pairs)
    assert url_decode(b"a=1+2;a=;b", separator=";", include_empty=False) == MultiDict(
        pairs[:2]
    )
    assert url_join("http://host/a/b", "../c") == "http://host/c"
    url = url_parse("http://user@host:8080/path?a=1&a=2#part")
    assert (url.scheme, url.host, url.port) == ("http", "host", 8080)
    assert (url.path, url.query, url.fragment) == ("/path", "a=1&a=2", "part")
    assert url.decode_query().getlist("a") == ["1", "2"]
    replaced = url.replace(query=url_encode({"b": 3}), netloc="other")
    assert replaced.to_url() == "http://other/path?b=3#part"
    assert url_unparse(url) == "http://user@host:8080/path?a=1&a=2#part"
    assert url_fix("http://host/a (\u00e9)") == "http://host/a%20(%C3%A9)"
