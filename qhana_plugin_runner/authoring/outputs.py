"""What a plugin declares as its outputs, and what its function returns for them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ..api.plugin_schemas import OutputDataMetadata
from ..storage import STORE
from ..util.content_types import CONTENT_TYPE, JSON, safe_name
from .annotations import Output
from .errors import DeclarationError, OutputError
from .values import content_of, file_name

if TYPE_CHECKING:
    from .steps import Step


def read_outputs(
    function: Callable[..., Any], declared: Mapping[str, str | Output] | None
) -> dict[str, Output]:
    """Read the declaration of the outputs; entities are JSON unless it says otherwise.

    Raises:
        DeclarationError: it makes no sense.
    """
    outputs: dict[str, Output] = {}
    for name, given in (declared or {}).items():
        output = Output(given) if isinstance(given, str) else given
        if problem := _problem(name, output, outputs):
            raise DeclarationError(f"{function.__name__}: the output {name!r} {problem}")
        if output.content_type is None and output.data_type.startswith("entity/"):
            output = replace(output, content_type=JSON)
        outputs[name] = output
    return outputs


def _problem(name: Any, output: Any, others: Mapping[str, Output]) -> str:
    """Return what is wrong with the declaration of an output."""
    if not isinstance(name, str) or not name.strip():
        return "has no name: write one"
    if not isinstance(output, Output):
        return "is neither a data type nor an Output: write one of them"
    if not output.data_type.strip():
        return "has no data type: write one, such as 'entity/list'"
    kind = output.content_type
    if kind is not None and not re.fullmatch(CONTENT_TYPE, kind, re.ASCII):
        return f"has the content type {kind!r}: write a mime type, such as 'text/csv'"
    for other in others:
        if safe_name(other).casefold() == safe_name(name).casefold():
            return f"gets a file of the same name as {other!r}: rename one of them"
    return ""


def describe_outputs(outputs: Mapping[str, Output]) -> list[OutputDataMetadata]:
    """Return the outputs for the metadata of the plugin."""
    return [
        OutputDataMetadata(
            data_type=each.data_type,
            content_type=[each.content_type or "*"],
            required=each.required,
            name=name,
        )
        for name, each in outputs.items()
    ]


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


class Outputs:
    """The outputs of a task, as they come.

    Args:
        task_id: the id of the task's row.
        declared: the outputs of its plugin.
        saved: the names of those that were saved in the steps before.

    Attributes:
        saved: the names of those that are saved.
    """

    def __init__(
        self, task_id: int, declared: Mapping[str, Output], saved: Iterable[str] = ()
    ) -> None:
        self._task_id = task_id
        self._declared = declared
        self.saved = set(saved)

    def save(
        self,
        name: str,
        value: Any,
        data_type: str | None = None,
        content_type: str | None = None,
    ) -> None:
        """Store a value as a file of the task.

        Raises:
            OutputError: the output is not known, or the value cannot be written.
        """
        declared = self._declared.get(name)
        if declared is not None:
            data_type = data_type or declared.data_type
            content_type = content_type or declared.content_type
            if name in self.saved:
                raise OutputError(
                    f"the output {name!r} was already saved: return or save it once, or save more "
                    "files under other names with their data_type"
                )
        elif data_type is None:
            raise OutputError(
                f"the output {name!r} is not one that the plugin declares "
                f"({self._names}): add it to `outputs`, or pass its data_type"
            )
        try:
            are_entities = data_type.startswith("entity/")
            with content_of(value, content_type, are_entities) as (file, kind):
                STORE.persist_task_result(
                    self._task_id, file, file_name(name, kind), data_type, kind
                )
        except OutputError as error:
            raise OutputError(f"the output {name!r}: {error}") from error.__cause__
        self.saved.add(name)

    def save_returned(self, returned: Any) -> None:
        """Store what the function has returned.

        Raises:
            OutputError: it is not what the plugin declares, or not all of it.
        """
        for name, value in self._named(returned):
            if value is not None:
                self.save(name, value)
        required = [name for name, each in self._declared.items() if each.required]
        if missing := [name for name in required if name not in self.saved]:
            raise OutputError(
                f"the function ended without the output {missing[0]!r}: return or save it, or "
                "declare it with Output(..., required=False)"
            )

    def _named(self, returned: Any) -> Iterator[tuple[str, Any]]:
        if returned is None:
            return
        declared = self._declared
        is_mapping = isinstance(returned, Mapping)
        if len(declared) == 1 and not (is_mapping and returned.keys() == declared.keys()):
            (name,) = declared
            if is_mapping and len(returned) == 1:
                _require_no_slip(str(*returned), name)
            yield name, returned
            return
        if not is_mapping:
            raise OutputError(
                f"the function returned {type(returned).__name__}, but the plugin declares the "
                f"outputs {self._names}: return a dictionary that maps names to values"
            )
        if unknown := [name for name in returned if name not in declared]:
            raise OutputError(
                f"the function returned {unknown[0]!r}, which is not one of the outputs that the "
                f"plugin declares ({self._names}): add it to `outputs`"
            )
        yield from returned.items()

    @property
    def _names(self) -> str:
        return ", ".join(map(repr, self._declared)) or "none"


def _require_no_slip(given: str, declared: str) -> None:
    """Refuse a dictionary that is not the value itself, but names the output almost."""
    if get_close_matches(given.casefold(), [declared.casefold()], 1, 0.75):
        raise OutputError(
            f"the function returned {given!r}, but the plugin declares {declared!r}: use the "
            "same name"
        )
