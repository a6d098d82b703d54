"""The layer as a whole: who is warned, what stays untouched, how it is turned off."""

import os
import subprocess
import sys

import flask
import flask_smorest
import marshmallow as ma
import pytest
from marshmallow import validate

from qhana_plugin_runner.util import compat

LIBRARIES = ("marshmallow", "flask", "werkzeug", "flask_smorest")


def snapshot():
    """What each module and class of the libraries holds."""
    state = {}
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] not in LIBRARIES:
            continue
        state[name] = id(module)
        for attribute, value in vars(module).items():
            state[name, attribute] = id(value)
            if isinstance(value, type) and value.__module__.startswith(LIBRARIES):
                for member, content in vars(value).items():
                    state[value.__module__, value.__qualname__, member] = id(content)
    return state


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def use_current_style():
    """What current code does with everything that the layer wraps, as comparable results."""

    class Even(ma.fields.Integer):
        def _deserialize(self, value, attr, data, **kwargs):
            number = super()._deserialize(value, attr, data, **kwargs)
            if number % 2:
                raise self.make_error("validator_failed")
            return number

    class Current(ma.Schema):
        name = ma.fields.String(load_default="x", metadata={"label": "Name"})
        size = Even(required=True, data_key="theSize")
        share = ma.fields.Float(
            validate=validate.And(validate.Range(min=0), validate.Range(max=1))
        )
        options = ma.fields.Dict(load_default=dict)
        children = ma.fields.List(ma.fields.Nested(lambda: Current(exclude=("name",))))
        done = ma.fields.Boolean(dump_default=False)

        class Meta:
            unknown = ma.EXCLUDE

        @ma.validates("size")
        def check_size(self, value, data_key):
            if value > 100:
                raise ma.ValidationError(f"{data_key} is too big.")

        @ma.pre_load(pass_collection=True)
        def before(self, data, many, unknown, **kwargs):
            return data

        @ma.post_load(pass_original=True)
        def after(self, data, original, **kwargs):
            return {**data, "given": sorted(original)}

    app = flask.Flask("current")
    app.add_url_rule("/", view_func=lambda: flask.jsonify(b=1, a=[2]))
    with pytest.raises(AttributeError) as no_name:
        ma.utils.no_such_name
    return [
        Current().load({"theSize": "4", "share": 0.5, "children": [{"theSize": 2}]}),
        Current().validate({"theSize": 102, "share": 2}),
        Current().validate({"theSize": 3, "share": ""}),
        Current().dump({"name": "a", "size": 2}),
        type(Current().dump({})),
        [repr(field) for field in Current().fields.values()],
        [dict(field.metadata) for field in Current().fields.values()],
        app.test_client().get("/").data,
        str(no_name.value),
    ]


def test_current_code_gives_the_same_results_and_no_warning(told):
    without = use_current_style()
    compat.install()
    assert use_current_style() == without
    assert told() == []


def test_schema_may_have_a_context_of_its_own(layer, told):
    class Own(ma.Schema):
        def __init__(self, **kwargs):
            self.context = {"a": 1}
            super().__init__(**kwargs)

    assert Own().context == {"a": 1}
    assert told() == []


def test_wrong_keyword_is_an_error_only_without_the_layer():
    with pytest.raises(TypeError):
        ma.fields.String(requird=True)
    compat.install()
    with pytest.warns(compat.PluginCompatWarning, match="requird="):
        assert ma.fields.String(requird=True).metadata == {"requird": True}


def test_required_field_with_missing_is_refused_as_ever(layer):
    with pytest.warns(compat.PluginCompatWarning), pytest.raises(ValueError):
        ma.fields.String(required=True, missing="")


def test_shims_used_while_plugins_are_loaded_are_summed_up_in_one_line(layer, caplog):
    before = compat.used_shims()
    with caplog.at_level("WARNING"), pytest.warns(compat.PluginCompatWarning):
        with compat.log_summary():
            ma.fields.String(missing="")
            ma.fields.Number()
        with compat.log_summary():
            ma.fields.String(missing="")  # nothing new, so nothing to say
        ma.utils.INCLUDE
    line, later = caplog.messages
    assert line.startswith("1 plugins use APIs") and "field-keyword 1" in line
    assert "[marshmallow-utils]" in later
    found = [each for each in compat.used_shims() if each not in before]
    assert {each.shim for each in found} == {
        "abstract-field",
        "field-keyword",
        "marshmallow-utils",
    }
    assert {each.file for each in found} == {__file__}


def test_uninstall_restores_every_attribute():
    before = snapshot()
    compat.install()
    during = snapshot()
    compat.uninstall()
    after = snapshot()

    assert len(during.items() - before.items()) > len(compat.SHIMS)
    assert after == before
    with pytest.raises(TypeError):
        ma.fields.Integer(missing=1)


def test_installing_twice_patches_once():
    before = snapshot()
    compat.install()
    once = snapshot()
    compat.install()
    assert snapshot() == once
    assert compat.installed()
    compat.uninstall()
    assert not compat.installed()
    compat.uninstall()
    assert snapshot() == before


def test_environment_turns_the_layer_off():
    code = (
        "import marshmallow, qhana_plugin_runner.util.compat as compat\n"
        "before = vars(marshmallow.fields.Field).copy()\n"
        "compat.install()\n"
        "assert not compat.installed()\n"
        "assert dict(vars(marshmallow.fields.Field)) == before\n"
        "marshmallow.fields.String(missing='')\n"
    )
    result = run_python(code, PLUGIN_COMPAT="0")
    assert "TypeError" in result.stderr and "missing" in result.stderr
    assert run_python(code, PLUGIN_COMPAT="1").stderr.count("AssertionError") == 1


@pytest.mark.parametrize("setting", ["0", "false", "No", " off "])
def test_setting_may_be_spelled_in_several_ways(setting, monkeypatch):
    monkeypatch.setenv("PLUGIN_COMPAT", setting)
    assert not compat.enabled()


def test_importing_the_layer_changes_nothing():
    result = run_python(
        "import qhana_plugin_runner.util.compat as compat, marshmallow\n"
        "assert not compat.installed()\n"
        "marshmallow.fields.Integer(missing=1)\n",
        PLUGIN_COMPAT="1",
    )
    assert "TypeError" in result.stderr


def test_files_of_one_package_are_one_plugin(layer, told, tmp_path, monkeypatch):
    package = tmp_path / "package_plugin"
    package.mkdir()
    package.joinpath("__init__.py").write_text(
        "from flask import Markup\nfrom . import forms\n"
    )
    package.joinpath("forms.py").write_text("from flask import Markup\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        import package_plugin  # noqa: F401
    finally:
        for name in ("package_plugin", "package_plugin.forms"):
            sys.modules.pop(name, None)

    (message,) = told()
    assert message.startswith("Plugin package_plugin ")
    assert "(flask.Markup)" in message


def test_folder_names_the_plugins_below_it(layer, load_plugin, told, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    compat.register_plugin_root(tmp_path, "outer")
    compat.register_plugin_root(folder, "inner")
    for path in (folder / "a.py", tmp_path / "b.py"):
        path.write_text("from flask import Markup\n")
        load_plugin(path, path.stem)

    assert [message.split()[1] for message in told()] == ["inner", "outer"]


def test_warning_points_at_the_line_of_the_plugin(layer, load_plugin, tmp_path):
    path = tmp_path / "plugin.py"
    path.write_text("import flask\n\n\nflask.Markup\n")
    with pytest.warns(compat.PluginCompatWarning) as caught:
        load_plugin(path, "plugin")
    assert (caught[0].filename, caught[0].lineno) == (str(path), 4)


def test_validator_is_traced_to_its_plugin_when_no_plugin_code_runs(
    layer, load_plugin, told, tmp_path
):
    path = tmp_path / "plugin.py"
    path.write_text(
        "import marshmallow as ma\n\n\n"
        "def check(value=5):\n    return value == 5\n\n\n"
        "class Form(ma.Schema):\n    x = ma.fields.Integer(validate=check)\n"
    )
    plugin = load_plugin(path, "validating_plugin")
    plugin.Form().validate({"x": 1})
    assert told()[0].startswith("Plugin validating_plugin ")


def test_builtin_as_validator_is_translated_too(layer, told):
    field = ma.fields.String(validate=str.isdigit)
    with pytest.raises(ma.ValidationError):
        field.deserialize("a")
    assert len(told()) == 1


def test_form_values_reach_hooks_that_want_the_original(layer, told):
    class Form(ma.Schema):
        x = ma.fields.List(ma.fields.Integer())

        class Meta:
            unknown = ma.EXCLUDE

        @ma.post_load(pass_original=True)
        def remember(self, data, original, many, partial):
            return {**data, "extra": original.getlist("extra")}

    app = flask.Flask("forms")
    app.config.update(API_TITLE="t", API_VERSION="1", OPENAPI_VERSION="3.0.2")
    blueprint = flask_smorest.Blueprint("plugin", __name__)

    @blueprint.route("/process/", methods=["POST"])
    @blueprint.arguments(Form(), location="form", required=False)
    @blueprint.response(200)
    def process(arguments):
        return flask.jsonify(arguments)

    flask_smorest.Api(app).register_blueprint(blueprint)
    data = {"x": ["1", "2"], "extra": ["a", "b"]}
    answer = app.test_client().post("/process/", data=data)
    assert answer.json == {"x": [1, 2], "extra": ["a", "b"]}
    (message,) = told()
    assert "[hook-keywords]" in message


def test_fields_may_be_replaced_in_init_and_field_may_be_instantiated(layer, told):
    class Form(ma.Schema):
        b = ma.fields.Field()
        a = ma.fields.String()

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.fields = {key: self.fields[key] for key in sorted(self.fields)}

    assert list(Form().fields) == ["a", "b"]
    assert Form().load({"b": [1], "a": "x"}) == {"b": [1], "a": "x"}
    assert told() == []


def test_name_that_a_library_has_is_never_replaced(monkeypatch):
    monkeypatch.setattr(flask, "Markup", "the library's own", raising=False)
    compat.install()
    from flask import Markup

    assert Markup == "the library's own"
