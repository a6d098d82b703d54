"""Steps: functions of a plugin with forms of their own, for which its task waits."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import quote

import marshmallow as ma
from flask import current_app
from marshmallow.validate import OneOf
from sqlalchemy import CursorResult, update

from ..db import DB
from ..db.models.tasks import ProcessingTask
from ..db.models.tasks import Step as StepRow
from ..forms.fields import FileUrl
from ..forms.schemas import FrontendFormBaseSchema
from ..tasking.errors import BrokerUnavailable
from ..tasking.publishing import release
from ..tasks import TASK_STEPS_CHANGED
from ..util.docstrings import read_docstring
from .fields import sent_value
from .functions import FormFunction, class_name
from .inputs import EntityFile, FetchedFile
from .outputs import Ask

if TYPE_CHECKING:
    from .decorator import Plugin

P = ParamSpec("P")
R = TypeVar("R")


class Step(FormFunction[P, R]):
    """A function that goes on with a task when the user has answered.

    Made by ``@the_plugin.step()``. A call of it is a plain call of the function.

    Attributes:
        name: the id of the step: the name of the function.
        title: for people; the name of the plugin by default.
        help_text: what its docstring says.
    """

    def __init__(
        self, plugin: "Plugin[Any, Any]", function: Callable[P, R], title: str | None
    ) -> None:
        texts = read_docstring(inspect.getdoc(function))
        self.plugin = plugin
        self.name = function.__name__
        self.title = title or plugin.about.name
        self.help_text = texts.description
        super().__init__(function, texts, plugin.blueprint.name)

    def __repr__(self) -> str:
        return f"<step {self.name} of {self.plugin!r}>"

    @property
    def endpoints(self) -> tuple[str, str]:
        """The endpoints of its form, and of what takes the answers."""
        name = class_name(self.fn)
        return f"{name}Frontend", f"{name}ProcessView"

    @property
    def path(self) -> str:
        """What the last parts of its URLs begin with."""
        return self.name.replace("_", "-")

    def ask(
        self,
        values: Mapping[str, Any] | None = None,
        choices: Mapping[str, Iterable[Any]] | None = None,
        text: str = "",
    ) -> Ask:
        """Return what makes the task wait for this step: ``return choose.ask()``.

        Args:
            values: what the form is filled with, by parameter; also what counts where an answer
                leaves out a field that has a default. The ``Entities`` and ``File`` that the
                function got may be handed on to a step.
            choices: what the user chooses from, by parameter; other answers are refused.
            text: Markdown that is shown above the form, below what the docstring says.

        Raises:
            TypeError: the step has no such parameter.
            ValueError: a value or choice is not of the type of its parameter, or there is nothing
                to choose from.
        """
        asked = Ask(
            self,
            dict(values or {}),
            {k: list(v) for k, v in (choices or {}).items()},
            text,
        )
        self.stored(asked)
        return asked

    def stored(self, asked: Ask) -> dict[str, Any]:
        """Return values and choices as the row of the task keeps them: as the form sends them."""
        schema = self.schema()
        for name in (*asked.values, *asked.choices):
            if name not in schema.fields:
                names = ", ".join(map(repr, schema.fields)) or "none"
                raise TypeError(
                    f"{self.name}.ask: there is no parameter {name!r} (only {names})"
                )
        choices = {}
        for name, offered in asked.choices.items():
            if not offered:
                raise ValueError(f"{self.name}.ask: there are no choices for {name!r}")
            choices[name] = [
                self._sent(_element(schema.fields[name]), name, each) for each in offered
            ]
        values = {}
        for name, value in asked.values.items():
            field = schema.fields[name]
            if isinstance(value, (EntityFile, FetchedFile)):
                value = value.url
            if isinstance(value, Path):
                raise ValueError(
                    f"{self.name}.ask: the file for {name!r} is not an input of the function, and "
                    "cannot be passed on: keep what you need of it in task.data"
                )
            if not isinstance(field, FileUrl) or isinstance(value, str):
                values[field.data_key] = self._sent(field, name, value)
        return {"values": values, "choices": choices, "text": asked.text}

    def _sent(self, field: ma.fields.Field[Any], name: str, value: Any) -> Any:
        try:
            return sent_value(field, value)
        except ValueError as error:
            raise ValueError(
                f"{self.name}.ask: {value!r} is not valid for {name!r}: {error}"
            ) from error

    def shown(self, row: ProcessingTask, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that the form was filled with, of fields that were not sent."""
        values = kept_of(row)["asked"]["values"]
        left_out = {key: each for key, each in values.items() if key not in sent}
        loaded: dict[str, Any] = self.schema().load(left_out, partial=True)
        return loaded

    def wrong_choices(
        self, row: ProcessingTask, sent: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return what is wrong with answers, by field: they are not among what was offered."""
        asked = kept_of(row)["asked"]
        schema = self.asked_schema(row, only=asked["choices"].keys(), unknown=ma.EXCLUDE)
        errors = schema.validate(sent)
        return {
            key: each
            for key, each in errors.items()
            if key in sent or key not in asked["values"]
        }

    def asked_schema(self, row: ProcessingTask, **options: Any) -> FrontendFormBaseSchema:
        """Return the schema of the form for a task, which accepts only what was offered."""
        schema = self.schema(**options)
        for name, offered in kept_of(row)["asked"]["choices"].items():
            field = schema.fields[name]
            element = _element(field)
            loaded = [element.deserialize(each) for each in offered]
            one_of = OneOf(loaded)
            one_of.choices_text = ", ".join(map(str, offered))  # as they are sent
            element.validators = [*element.validators, one_of]
            if not _all_among(field.load_default, loaded):
                field.load_default, field.required = ma.missing, True
            labels = field.metadata.get("options") or {}
            blank = {"": ""} if field.allow_none and element is field else {}
            options = {**blank, **{each: labels.get(each, each) for each in offered}}
            field.metadata = {
                "input_type": "select",
                **field.metadata,
                "options": options,
            }
        return schema

    def is_open(self, row: ProcessingTask) -> bool:
        """Whether a task waits for this step."""
        last = row.steps[-1] if row.steps else None
        return (
            not row.is_finished
            and last is not None
            and not last.cleared
            and last.step_id == self.name
        )

    def answer(self, row: ProcessingTask, answers: Mapping[str, Any]) -> bool:
        """Go on with a task; ``False`` when somebody else has answered meanwhile.

        Raises:
            BrokerUnavailable: the message cannot be sent; the step is still open.
        """
        answered = row.steps[-1]
        clearing = (
            update(StepRow)
            .where(StepRow.id == row.id, StepRow.number == row.current_step)
            .where(StepRow.cleared.is_(False))
            .values(cleared=True)
        )
        done: CursorResult[Any] = DB.session.execute(clearing)  # type: ignore[assignment]
        if done.rowcount != 1:
            DB.session.rollback()
            return False
        before = kept_of(row)
        kept = {name: each for name, each in before.items() if name != "before"}
        row.data = {**kept, "answers": self.schema().dumps(answers)}
        row.save(commit=True)
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        TASK_STEPS_CHANGED.send(app, task_id=row.id)
        try:
            self.start(row.id)
            release(is_view_done=True)
        except BrokerUnavailable as error:
            self._reopen(row, answered, before)
            error.task_ids -= {row.id}  # it waits for another try
            raise
        return True

    def _reopen(
        self, row: ProcessingTask, answered: StepRow, before: dict[str, Any]
    ) -> None:
        """Let a task wait for the answer again, for nobody goes on with it."""
        DB.session.rollback()
        answered.cleared = False
        row.data = before
        row.save(commit=True)
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        TASK_STEPS_CHANGED.send(app, task_id=row.id)

    def sent(self, row: ProcessingTask) -> str:
        return str(self.kept(row)["answers"])

    def kept(self, row: ProcessingTask) -> Mapping[str, Any]:
        kept = kept_of(row)
        # It has asked already when it is called again after the loss of its worker.
        before: Mapping[str, Any] = kept if "answers" in kept else kept["before"]
        return before

    def hrefs(self, task_id: int) -> dict[str, str]:
        """Return where the step is answered and shown, relative to the task.

        So it does not matter under which URL the runner is known.
        """
        place = f"../../plugins/{quote(self.plugin.blueprint.name)}/{task_id}/{self.path}"
        return {"href": f"{place}-process/", "ui_href": f"{place}-ui/"}


def kept_of(row: ProcessingTask) -> dict[str, Any]:
    """Return what a task keeps from step to step.

    ``kept`` is the ``data`` of the author's task, ``saved`` names the outputs that are saved,
    ``secrets`` has the references of the secrets by parameter, ``asked`` the values, choices and
    text of the open step, ``answers`` what was sent for it. While it is open, ``before`` is what
    its task has kept before: what has asked may be called again.
    """
    return row.data if isinstance(row.data, dict) else {}


def _all_among(default: Any, offered: list[Any]) -> bool:
    """Whether what is used without an answer is among what is offered, or nothing."""
    if default is None or default is ma.missing:
        return True
    chosen = default if isinstance(default, list) else [default]
    return all(each in offered for each in chosen)


def _element(field: ma.fields.Field[Any]) -> ma.fields.Field[Any]:
    return field.inner if isinstance(field, ma.fields.List) else field
