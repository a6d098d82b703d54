"""Whether the form of a plugin renders, empty, filled in and with errors, for everybody."""

from collections.abc import Iterator
from typing import Any

from markupsafe import escape
from werkzeug.datastructures import MultiDict

from ..forms.values import messages
from .findings import Finding
from .page import Control, Page, read_page
from .subject import Subject

_TEXTS = {"text", "textarea", "number", "url", "email", "search", "range"}


def find_in_form(subject: Subject) -> Iterator[Finding]:
    """Find what is wrong with the form, and what it lacks."""
    answer, url = subject.form_answer, subject.link("uiHref")
    if answer is None or url is None:
        return
    needs_query = answer.error is None and answer.status == 422
    if answer.cause and not needs_query:
        yield subject.finding("form-fails", answer.place or url, cause=answer.cause)
    if (page := subject.page) is None:
        return
    yield from _accessibility(subject, page, url)
    yield from _targets(subject, page, url)
    for name in subject.lacking:
        yield subject.finding("form-lacks-field", url, name=name)
    yield from _prefilled(subject, page, url)
    yield from _checked(subject, page, url)


def _accessibility(subject: Subject, page: Page, url: str) -> Iterator[Finding]:
    for control in page.controls:
        if control.needs_label and not control.labelled:
            what = f"The field {control.name!r} has no label"
            yield subject.finding("form-inaccessible", url, what=what)
    for source in page.images:
        what = f"The image {source!r} has no alternative text (alt)"
        yield subject.finding("form-inaccessible", url, what=what)


def _targets(subject: Subject, page: Page, url: str) -> Iterator[Finding]:
    process = subject.link("href")
    if not process or not subject.takes(process, "POST"):
        return
    if not any(control.name in subject.fields for control in page.controls):
        return  # that of something else
    if process not in page.targets:
        yield subject.finding("form-leads-away", url, url=process)


def _example(subject: Subject, page: Page) -> tuple[Control, Any] | None:
    """Return an input for text, and a value for it that its field takes."""
    filled_in = subject.filled_in
    for control in page.controls:
        if control.type in _TEXTS and control.name in subject.fields and filled_in:
            if isinstance(value := filled_in.get(control.name), str) and value:
                return control, value
    return None


def _prefilled(subject: Subject, page: Page, url: str) -> Iterator[Finding]:
    if (found := _example(subject, page)) is None:
        return
    control, value = found
    if control.value == value:  # that of the empty form
        value = f"{value}1" if control.type != "range" else value
    answer = subject.ask(url, query_string={control.name: value})
    if answer.cause:
        yield subject.finding("form-fails", answer.place or url, cause=answer.cause)
        return
    shown = read_page(answer.response.text, url).control(control.name)
    if shown is not None and (shown.value or "").strip() != value.strip():
        yield subject.finding("form-unfilled", url, name=control.name)


def _checked(subject: Subject, page: Page, url: str) -> Iterator[Finding]:
    """Send the form back to its view, as the button that validates does."""
    if url not in page.targets:
        return
    for name, value, errors in _wrong_values(subject, page):
        form = MultiDict(
            [(each.name, each.value) for each in page.controls if each.value is not None]
        )
        form[name] = value
        answer = subject.ask(url, "POST", data=form)
        if answer.cause:
            yield subject.finding(
                "form-unchecked", answer.place or url, cause=answer.cause
            )
        elif not any(
            text in answer.response.text
            for error in errors
            for text in (error, escape(error))
        ):
            yield subject.finding("form-hides-errors", url, name=name, value=value)
        return


def _wrong_values(subject: Subject, page: Page) -> Iterator[tuple[str, str, list[str]]]:
    """Yield fields with values that they do not take, and what is to be said of it."""
    for control in page.controls:
        field = subject.fields.get(control.name)
        if field is None or control.type not in _TEXTS | {"hidden", "date", "password"}:
            continue
        for value in ["", "no-such-value"] if field.required else ["no-such-value"]:
            try:
                field.deserialize(value)
            except Exception as error:  # fields may be anybody's
                yield (
                    control.name,
                    value,
                    messages(getattr(error, "messages", str(error))),
                )
                break
