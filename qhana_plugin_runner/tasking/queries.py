"""The list of tasks, page by page, at a cost that does not grow with the number of tasks.

An index returns candidates for one filter in the order of the list. When there are more filters,
they are checked on a limited number of candidates, so that a page may be short.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    text,
    true,
    tuple_,
    union_all,
)

from ..db import DB
from ..db.db import UtcTimestamp
from ..db.models.tasks import ENDED_UNKNOWN, ProcessingTask
from ..db.models.workbench import RunValues
from .life_cycle import OPEN, TaskState

SCAN_LIMIT = 5_000
"""Candidates that are checked for one page: some 10 ms, and enough to fill most pages."""

MAX_SEARCHED_LENGTH = 1_000
"""Characters of the values of a form that are searched: these may be megabytes."""

_task = ProcessingTask

SUMMARY = (
    _task.id,
    _task.task_name,
    _task.plugin,
    _task.state,
    _task.task_status,
    _task.started_at,
    _task.began_at,
    _task.finished_at,
    _task.progress_value,
    _task.progress_start,
    _task.progress_target,
    _task.progress_unit,
)
"""The columns of the list; the other columns may be large."""


class TaskFilter(NamedTuple):
    """Filters of the list; ``None`` stands for all tasks.

    Attributes:
        status: ``PENDING``, ``SUCCESS``, ``FAILURE`` or ``UNKNOWN``.
        state: a value of :class:`~qhana_plugin_runner.db.models.task_state.TaskState`.
        plugin: the identifier of a plugin, or its name for all versions.
        text: a part of the task's name, or of the first characters of the values that anybody may
            see. Those that the task reads, ``parameters``, may hold private ones, and whoever
            could search there would find them character by character.
        created_after: creation time of the oldest task.
        created_before: time before which the newest task was created.
    """

    status: str | None = None
    state: str | None = None
    plugin: str | None = None
    text: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    @property
    def has_time(self) -> bool:
        """Whether tasks are filtered by time."""
        return self.created_after is not None or self.created_before is not None

    @property
    def is_by_time(self) -> bool:
        """Whether the list is ordered by time, not by id; the two differ with the clocks."""
        return self.has_time and not self.is_open

    @property
    def is_open(self) -> bool:
        """Whether only tasks that have not ended are listed; there are never many of them."""
        return self.status == "PENDING" or self.state in OPEN

    @property
    def is_single(self) -> bool:
        """Whether at most one filter is set, and an index answers it."""
        columns = [self.status, self.state, self.plugin, self.has_time or None]
        return self.text is None and sum(each is not None for each in columns) <= 1


class Position(NamedTuple):
    """A place in the list, and the direction to continue in.

    Attributes:
        newer: whether to continue with newer tasks.
        id: of the task after which to continue.
        created: creation time of this task, for lists that are ordered by time.
    """

    newer: bool
    id: int
    created: datetime | None = None


class TaskPage(NamedTuple):
    """A part of the list.

    Attributes:
        rows: the columns of ``SUMMARY``, newest task first.
        newer: where newer tasks may be.
        older: where older tasks may be; there may be some even when ``rows`` is short.
    """

    rows: Sequence[Row[Any]]
    newer: Position | None
    older: Position | None


def find_tasks(wanted: TaskFilter, position: Position | None, limit: int) -> TaskPage:
    """Return a page of the list, newest task first.

    Args:
        wanted: the filters.
        position: where to continue; ``None`` starts with the newest task.
        limit: the maximum number of tasks.
    """
    newer = position is not None and position.newer
    plugins = [] if wanted.plugin is None else _identifiers(wanted.plugin)
    ranges = _index_ranges(wanted, plugins)
    if not ranges:
        return TaskPage([], None, None)
    count = limit + 1 if wanted.is_single else SCAN_LIMIT
    candidates = _candidates(wanted, ranges, position, count)
    query = candidates
    if not wanted.is_single:
        rows = candidates.subquery().c
        query = select(*(rows[column.key] for column in SUMMARY))
        query = query.where(*_conditions(wanted, plugins, rows))
        query = query.order_by(*_order(wanted, newer, rows)).limit(limit + 1)
    found = DB.session.execute(query).all()
    last = None
    if len(found) > limit:
        last = found[limit - 1]
    elif not wanted.is_single:  # there may be more tasks after the last candidate
        last = DB.session.execute(candidates.offset(count - 1).limit(1)).first()
    end = None if last is None else _position(wanted, newer, last)
    page = found[:limit]
    back = None if position is None else _way_back(wanted, position, page)
    if newer:
        return TaskPage(page[::-1], newer=end, older=back)
    return TaskPage(page, newer=back, older=end)


class _Range(NamedTuple):
    """A part of an index, in the order of the list.

    Attributes:
        condition: holds for all or most rows of the part.
        column: the first column of the index, before the id; without it, the order is enough.
        value: of this column.
    """

    condition: Any = true()
    column: Any = None
    value: str | None = None


def _index_ranges(wanted: TaskFilter, plugins: list[str]) -> list[_Range]:
    """Return the parts of an index that together contain all tasks of the best filter."""
    if wanted.is_by_time:
        times = TaskFilter(
            created_after=wanted.created_after, created_before=wanted.created_before
        )
        return [_Range(and_(*_conditions(times, [], _task)))]
    if wanted.plugin is not None and not wanted.is_open:
        return [_Range(column=_task.plugin, value=each) for each in plugins]
    if wanted.state is not None:
        return [_Range(column=_task.state, value=wanted.state)]
    if wanted.status is None:
        return [_Range(_task.id > 0)]
    if wanted.status == "UNKNOWN":
        # In the words of the index, which is used for nothing else.
        ended = text(ENDED_UNKNOWN)
        return [_Range(ended, _task.task_status, each) for each in (None, "")]
    # Rows that were made by a process of an earlier version have no state.
    without_state = _conditions(TaskFilter(wanted.status), [], _task)
    ranges = [_Range(and_(*without_state), _task.state, None)]
    if wanted.status == "FAILURE":
        # Tasks that ended without a status are in this state, too.
        failed = _task.task_status == wanted.status
        ranges.append(_Range(failed, _task.state, TaskState.FAILED))
    states = {"PENDING": OPEN, "SUCCESS": [TaskState.SUCCEEDED]}
    others = states.get(wanted.status, [TaskState.LOST, TaskState.CANCELLED])
    return [*ranges, *(_Range(column=_task.state, value=each) for each in others)]


def _conditions(
    wanted: TaskFilter, plugins: list[str], row: Any
) -> list[ColumnElement[bool]]:
    """Return the conditions of all filters on a row, given its columns by name."""
    found: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        found.append(row.state == wanted.state)
    if wanted.status is not None:
        # As ProcessingTask.status. No index is tempted to answer this one: that on finished_at
        # would have to go through all tasks that are pending.
        ended = func.coalesce(func.nullif(row.task_status, ""), "UNKNOWN")
        status = case((row.finished_at.is_(None), "PENDING"), else_=ended)
        found.append(status == wanted.status)
    if wanted.plugin is not None:
        found.append(row.plugin.in_(plugins))
    if wanted.created_after is not None:
        found.append(row.started_at >= wanted.created_after)
    if wanted.created_before is not None:
        found.append(row.started_at < wanted.created_before)
    if wanted.text is not None:
        encoded = quote_plus(wanted.text)
        in_name = row.task_name.icontains(wanted.text, autoescape=True)
        in_values = row.public_values.icontains(encoded, autoescape=True)
        found.append(or_(in_name, in_values))
    return found


def _candidates(
    wanted: TaskFilter,
    ranges: list[_Range],
    position: Position | None,
    count: int,
) -> Select[*tuple[Any, ...]]:
    """Return a query for the next tasks of one filter."""
    newer = position is not None and position.newer
    columns: list[Any] = list(SUMMARY)
    if wanted.text is not None:
        start = select(func.substr(RunValues.form_data, 1, MAX_SEARCHED_LENGTH))
        values = start.where(RunValues.task_id == _task.id).correlate(_task)
        columns.append(values.scalar_subquery().label("public_values"))
    parts = []
    for part in ranges:
        query = select(*columns).where(part.condition, *_bounds(part, position))
        if part.column is not None:
            query = query.order_by(part.column.asc() if newer else part.column.desc())
        parts.append(query.order_by(*_order(wanted, newer, _task)).limit(count))
    if len(parts) == 1:
        return parts[0]
    rows = union_all(*(select(part.subquery()) for part in parts)).subquery()
    return select(rows).order_by(*_order(wanted, newer, rows.c)).limit(count)


def _order(wanted: TaskFilter, newer: bool, row: Any) -> list[ColumnElement[Any]]:
    columns = [row.started_at, row.id] if wanted.is_by_time else [row.id]
    return [column.asc() if newer else column.desc() for column in columns]


def _bounds(part: _Range, position: Position | None) -> list[ColumnElement[bool]]:
    """Return where a part begins and ends."""
    column, value = part.column, part.value
    if column is None or value is None or DB.engine.name != "postgresql":
        equal = [] if column is None else [column == value]
        return equal if position is None else [*equal, _after(position)]
    # With an equality, PostgreSQL may go through all tasks by their id until it has found enough.
    if position is None:
        return [column >= value, column <= value]
    place, last = tuple_(column, _task.id), tuple_(literal(value), literal(position.id))
    if position.newer:
        return [place > last, column <= value]
    return [column >= value, place < last]


def _after(position: Position) -> ColumnElement[bool]:
    if position.created is None:
        return _task.id > position.id if position.newer else _task.id < position.id
    place = tuple_(_task.started_at, _task.id)
    last = tuple_(literal(position.created, UtcTimestamp()), literal(position.id))
    return place > last if position.newer else place < last


def _identifiers(plugin: str) -> list[str]:
    """Return the identifiers of all versions of a plugin that have tasks.

    Goes from one identifier to the next in the index, which has a million entries for few of them.
    """
    if "@" in plugin:
        return [plugin]
    found = select(func.min(_task.plugin).label("plugin")).cte("found", recursive=True)
    following = select(func.min(_task.plugin)).where(_task.plugin > found.c.plugin)
    found = found.union_all(
        select(following.scalar_subquery()).where(found.c.plugin.is_not(None))
    )
    query = select(found.c.plugin).where(found.c.plugin.is_not(None))
    every = DB.session.execute(query).scalars()
    return [each for each in every if each.startswith(f"{plugin}@")]


def _position(wanted: TaskFilter, newer: bool, row: Row[Any]) -> Position:
    return Position(newer, row.id, row.started_at if wanted.is_by_time else None)


def _way_back(
    wanted: TaskFilter, position: Position, rows: Sequence[Row[Any]]
) -> Position:
    """Return the position that leads from a page to where the client came from."""
    if rows:
        return _position(wanted, not position.newer, rows[0])
    # The task at the position itself comes first on the way back.
    inclusive = position.id + (1 if position.newer else -1)
    return Position(not position.newer, inclusive, position.created)
