from werkzeug.datastructures import OrderedMultiDict
from werkzeug.utils import escape
from werkzeug.wrappers import BaseResponse


def check():
    assert str(escape("<")) == "&lt;"
    assert OrderedMultiDict([("a", 1), ("a", 2)]).getlist("a") == [1, 2]
    assert BaseResponse("text").get_data() == b"text"
