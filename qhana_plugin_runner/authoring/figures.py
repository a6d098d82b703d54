"""What a visualization shows: a figure of plotly.js, or a part of a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from flask import render_template, url_for
from markupsafe import Markup, escape

from ..util import strict_json
from ..util.package_files import PLOTLY, plotly_file, plotly_version
from .values import as_json

_STATIC = Path(__file__).parents[1] / "static"

# Nothing leaves the page; but hosts bring their style sheets, and those their fonts.
_POLICY = "connect-src 'self'; form-action 'self'; object-src 'none'; base-uri 'none'"

# What ends a script, or is a line break to it, never stands in the JSON of a page.
_UNSAFE = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}


@dataclass(frozen=True, kw_only=True)
class _Shown:
    title: str
    body: Markup = Markup()
    notes: Sequence[str] = ()
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)

    template = ""
    policy = f"script-src 'self'; {_POLICY}"

    def to_html(self, include_plotlyjs: bool = True) -> str:
        """Return a page that needs no other files."""
        return render_template("shown_file.html", shown=self, static=_static_text)


@dataclass(frozen=True)
class Figure(_Shown):
    """A figure that plotly.js draws.

    All texts in it are plain texts, whatever characters are in them; ``Markup`` of markupsafe keeps
    the few tags that plotly.js knows, such as ``<br>``. Colors of axes and texts come from the page.

    Args:
        data: the traces, as plotly.js takes them.
        layout: the layout, as plotly.js takes it.
        title: what is shown, in a sentence: people who do not see the figure read it.
        body: HTML below the figure.
        notes: what else people have to know, such as that a sample is drawn.
        choices: name of a parameter -> values that the form offers for it, besides none.
        ids: for each trace, the IDs of its points: points can be selected.
        selects: the parameter that takes the selected IDs, as a list in JSON.

    Attributes:
        COLORS: of traces: they differ for all kinds of eyes, and from white and black pages.
    """

    COLORS: ClassVar = (
        "#3f7fd4",
        "#d9731a",
        "#2f9a6c",
        "#b8529f",
        "#a98300",
        "#5ba3b8",
        "#d1495b",
        "#7d6cc9",
        "#7a8a3c",
        "#8a7468",
    )

    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any] = field(default_factory=dict)
    ids: Sequence[Sequence[str]] = field(default=(), kw_only=True)
    selects: str = field(default="", kw_only=True)

    template = "shown_figure.html"
    # plotly.js compiles the programs of what it draws by WebGL
    policy = f"script-src 'self' 'unsafe-eval'; {_POLICY}"

    def to_json(self) -> str:
        """Return the figure as plotly.js takes it."""
        return strict_json.dumps(self._plain, default=as_json)

    @property
    def json(self) -> Markup:
        """The figure and its IDs, safe inside of a script element."""
        text = strict_json.dumps({**self._plain, "ids": self.ids}, default=as_json)
        return Markup(text.translate(_UNSAFE))

    @property
    def _plain(self) -> dict[str, Any]:
        layout = {"colorway": self.COLORS, **self.layout}
        return {"data": _plain(self.data), "layout": _plain(layout)}

    @property
    def script_url(self) -> str:
        """The URL of plotly.js."""
        return url_for("docs.package_file", name=PLOTLY, version=plotly_version())

    @property
    def script(self) -> Markup:
        """The text of plotly.js."""
        return Markup(plotly_file().read_text("utf-8"))


@dataclass(frozen=True)
class Page(_Shown):
    """A part of a page, for visualizations that need no figure.

    Args:
        title: what is shown, in a sentence.
        body: HTML; make it of texts by ``Markup("...{}").format(text)``, or by a template.
        notes: what else people have to know.
        choices: name of a parameter -> values that the form offers for it, besides none.
    """

    template = "shown_page.html"


def _plain(value: Any) -> Any:
    """Return a value whose texts plotly.js shows as they are, other than its tags."""
    if isinstance(value, str):
        return value if isinstance(value, Markup) else str(escape(value))
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


@cache
def _static_text(name: str) -> Markup:
    """Return a style sheet or script of the runner, to be written into a page."""
    return Markup((_STATIC / name).read_text("utf-8"))
