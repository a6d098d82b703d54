"""What a function returns to let its task wait for an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..db.models.tasks import ProcessingTask

if TYPE_CHECKING:
    from .steps import Step


@dataclass(frozen=True)
class Ask:
    """What a function returns to ask the user; made by :meth:`~.steps.Step.ask`.

    Attributes:
        step: the step that asks.
        values: what its form is filled with, by parameter.
        choices: what its form offers, by parameter.
        text: Markdown that is shown above its form.
    """

    step: "Step[Any, Any]"
    values: Mapping[str, Any]
    choices: Mapping[str, list[Any]]
    text: str = ""


def kept_of(row: ProcessingTask) -> dict[str, Any]:
    """Return what a task keeps from step to step.

    ``kept`` is the ``data`` of the author's task, ``saved`` names the outputs that are saved,
    ``secrets`` has the references of the secrets by parameter, ``asked`` the values, choices and
    text of the open step, ``answers`` what was sent for it. While it is open, ``before`` is what
    its task has kept before: what has asked may be called again.
    """
    return row.data if isinstance(row.data, dict) else {}
