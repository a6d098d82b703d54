"""Languages: which translation a client gets."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from flask import current_app, g, has_app_context, has_request_context, request
from flask_babel import Babel, get_locale, gettext
from markupsafe import Markup
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from .flask_app import Environ, Head, RunnerFlask

BABEL = Babel()

_WAS_CHOSEN = "qhana_plugin_runner.language_was_chosen"


def translations_folder() -> Path:
    """Return the folder of catalogues: in an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "translations"
    return inside if inside.is_dir() else package.parent / "translations"


def choose_language() -> Locale | None:
    """Return ``?lang=``, else the best match with ``Accept-Language``, else the default."""
    if not has_request_context():
        return None
    request.environ[_WAS_CHOSEN] = True
    return _best_locale(
        request.args.get("lang", ""),
        request.environ.get("HTTP_ACCEPT_LANGUAGE", ""),
        current_app.extensions["qhana_languages"],
        str(current_app.config["BABEL_DEFAULT_LOCALE"]),
    )


@lru_cache(maxsize=200)
def _best_locale(
    wanted: str, accepted: str, languages: tuple[str, ...], default: str
) -> Locale:
    choices = [parse_accept_header(accepted, LanguageAccept)]
    if wanted:
        choices.insert(0, LanguageAccept([(wanted, 1)]))
    found = (each.best_match(languages) for each in choices)
    return Locale.parse(next(filter(None, found), default))


def _vary_by_language(environ: Environ, head: Head) -> None:
    """Keep caches from giving an answer to clients that want another language."""
    if _WAS_CHOSEN in environ:
        head.vary("Accept-Language")


def current_locale() -> Locale | None:
    """Return what ``get_locale`` does; it needs four times as long for what it remembers."""
    context = g._get_current_object() if has_app_context() else None
    known = getattr(context, "_flask_babel", None)
    locale: Locale | None = getattr(known, "babel_locale", None)
    return locale or get_locale()


@lru_cache(maxsize=2_000)
def _translation(_locale: Locale | None, text: str) -> Markup:
    return Markup(gettext(text))


def _translate(text: str, /, **variables: Any) -> Markup:
    """Translate a text of a template; as Jinja's own ``_``, but texts are looked up once."""
    translated = _translation(current_locale(), text)
    return translated % variables if variables or "%" in translated else translated


def register_babel(app: RunnerFlask) -> None:
    """Choose a language for each request of this app."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", str(translations_folder()))
    BABEL.init_app(app, locale_selector=choose_language)
    app.jinja_env.globals["_"] = _translate
    with app.app_context():
        translated = {str(each) for each in BABEL.list_translations()} - {"en"}
    app.extensions["qhana_languages"] = ("en", *sorted(translated))
    app.head_funcs.append(_vary_by_language)
