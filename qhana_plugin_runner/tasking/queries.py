"""The list of tasks, page by page, at a cost that does not grow with the number of tasks.

One condition of a filter is answered by an index that has the tasks in the order of the list;
the others are checked on the rows that the index names, on a limited number of them at a time.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

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
from .life_cycle import OPEN, State

__all__ = ["LOOKED_AT", "Position", "TaskFilter", "TaskPage", "find_tasks"]

LOOKED_AT = 5_000
"""Rows that are looked at for one page when an index answers a part of the filter only: some
10 ms, and enough that most pages are full."""

SEARCHED = 1_000
"""Characters of the parameters that are searched: these may be megabytes."""

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
"""What the list shows; the other columns may be large."""


class TaskFilter(NamedTuple):
    """Which tasks are wanted; ``None`` stands for all.

    Attributes:
        status: ``PENDING``, ``SUCCESS``, ``FAILURE`` or ``UNKNOWN``.
        state: a value of :class:`~qhana_plugin_runner.tasking.life_cycle.State`.
        plugin: the identifier of a plugin, or its name for all versions.
        text: a part of the task's name, or of the first characters of its parameters.
        created_after: when the oldest task was made.
        created_before: by when the newest task was made, itself left out.
    """

    status: str | None = None
    state: str | None = None
    plugin: str | None = None
    text: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    @property
    def is_by_time(self) -> bool:
        """Whether the list is ordered by time, not by id; the two differ with the clocks."""
        has_time = self.created_after is not None or self.created_before is not None
        return has_time and not self.is_of_open

    @property
    def is_of_open(self) -> bool:
        """Whether only tasks that have not ended are wanted; these are never many."""
        return self.status == "PENDING" or self.state in OPEN


class Position(NamedTuple):
    """A place in the list, and the direction to go on from there.

    Attributes:
        newer: whether to go to newer tasks.
        id: of the task behind which to go on.
        created: when this task was made, for lists that are ordered by time.
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


Check = Callable[[Any], ColumnElement[bool]]
"""A condition on a row, given the columns by their names."""


class _Range(NamedTuple):
    """A part of an index, in the order of the list.

    Attributes:
        value: of the first column of the index; the id is the second.
        condition: what else has to hold, as it does for most rows of the part.
    """

    value: str | None = None
    condition: Any = true()


class _Condition(NamedTuple):
    """A part of a filter.

    Attributes:
        ranges: together what is wanted.
        check: the same for a single row.
        column: the first one of the index; without it, the list itself has an index.
    """

    ranges: list[_Range]
    check: Check
    column: Any = None


def find_tasks(wanted: TaskFilter, position: Position | None, limit: int) -> TaskPage:
    """Return a page of the list, newest task first.

    Args:
        wanted: which tasks
        position: where to go on; ``None`` begins with the newest
        limit: how many tasks at most

    Returns:
        the page; the order stays the same whatever tasks are made meanwhile
    """
    newer = position is not None and position.newer
    first, checks = _plan(wanted)
    if not first.ranges:
        return TaskPage([], None, None)
    in_order = partial(_in_order, first, wanted, position)
    if checks:
        rows = in_order(LOOKED_AT).subquery().c
        query = select(*(rows[column.key] for column in SUMMARY))
        query = query.where(*(check(rows) for check in checks))
        query = query.order_by(*_order(wanted, newer, rows)).limit(limit + 1)
    else:
        query = in_order(limit + 1)
    found = DB.session.execute(query).all()
    end = None
    if len(found) > limit:
        end = _position(wanted, newer, found[limit - 1])
    elif checks and (last := _last_looked_at(in_order)) is not None:
        end = _position(wanted, newer, last)
    page = found[:limit]
    back = None if position is None else _way_back(wanted, position, page)
    if newer:
        return TaskPage(page[::-1], newer=end, older=back)
    return TaskPage(page, newer=back, older=end)


def _plan(wanted: TaskFilter) -> tuple[_Condition, list[Check]]:
    """Return the condition that an index answers, and the checks of the others."""
    conditions: dict[str, _Condition] = {}
    if wanted.state is not None:
        conditions["state"] = _Condition(
            [_Range(wanted.state)], lambda row: row.state == wanted.state, _task.state
        )
    if wanted.status is not None:
        conditions["status"] = _of_status(wanted.status)
    if wanted.plugin is not None:
        conditions["plugin"] = _of_plugin(wanted.plugin)
    if wanted.created_after is not None or wanted.created_before is not None:
        conditions["time"] = _of_time(wanted)
    checks = [] if wanted.text is None else [_of_text(wanted.text)]
    if not conditions:
        return _Condition([_Range(None, _task.id > 0)], lambda row: row.id > 0), checks
    by_benefit = ["time", "plugin", "state", "status"]
    if wanted.is_of_open:
        by_benefit = ["state", "status", "time", "plugin"]
    first = next(name for name in by_benefit if name in conditions)
    checks += [each.check for name, each in conditions.items() if name != first]
    return conditions[first], checks


def _of_status(status: str) -> _Condition:
    def check(row: Any) -> ColumnElement[bool]:
        # As ProcessingTask.status. No index is tempted to answer this one: that on finished_at
        # would have to go through all tasks that are pending.
        ended = func.coalesce(func.nullif(row.task_status, ""), "UNKNOWN")
        return case((row.finished_at.is_(None), "PENDING"), else_=ended) == status

    if status == "UNKNOWN":
        # In the words of the index, which is used for nothing else.
        ranges = [_Range(nothing, text(ENDED_UNKNOWN)) for nothing in (None, "")]
        return _Condition(ranges, check, _task.task_status)
    # Rows that were made by a process of an earlier version have no state.
    ranges = [_Range(None, check(_task))]
    if status == "PENDING":
        ranges += [_Range(state) for state in OPEN]
    elif status == "SUCCESS":
        ranges += [_Range(State.SUCCEEDED)]
    else:
        ranges += [_Range(State.LOST), _Range(State.CANCELLED)]
        # Those that ended without a status are in this state, too.
        ranges += [_Range(State.FAILED, _task.task_status == status)]
    return _Condition(ranges, check, _task.state)


def _of_plugin(plugin: str) -> _Condition:
    identifiers = [plugin]
    if "@" not in plugin:
        identifiers = [each for each in _plugins() if each.startswith(f"{plugin}@")]
    ranges = [_Range(identifier) for identifier in identifiers]
    return _Condition(ranges, lambda row: row.plugin.in_(identifiers), _task.plugin)


def _of_time(wanted: TaskFilter) -> _Condition:
    def check(row: Any) -> ColumnElement[bool]:
        times = []
        if wanted.created_after is not None:
            times.append(row.started_at >= wanted.created_after)
        if wanted.created_before is not None:
            times.append(row.started_at < wanted.created_before)
        return and_(*times)

    return _Condition([_Range(None, check(_task))], check)


def _of_text(part: str) -> Check:
    return lambda row: or_(
        row.task_name.icontains(part, autoescape=True),
        row.parameters_start.icontains(part, autoescape=True),
    )


def _plugins() -> list[str]:
    """Return the identifiers of all plugins that have tasks.

    Goes from one identifier to the next in the index, which has a million entries for few of
    them.
    """
    found = select(func.min(_task.plugin).label("plugin")).cte("found", recursive=True)
    following = select(func.min(_task.plugin)).where(_task.plugin > found.c.plugin)
    found = found.union_all(
        select(following.scalar_subquery()).where(found.c.plugin.is_not(None))
    )
    query = select(found.c.plugin).where(found.c.plugin.is_not(None))
    return list(DB.session.execute(query).scalars())


def _order(wanted: TaskFilter, newer: bool, row: Any) -> list[ColumnElement[Any]]:
    columns = [row.started_at, row.id] if wanted.is_by_time else [row.id]
    return [column.asc() if newer else column.desc() for column in columns]


def _in_order(
    condition: _Condition, wanted: TaskFilter, position: Position | None, count: int
) -> Select[*tuple[Any, ...]]:
    """Return a query for the next tasks for which a condition holds."""
    newer = position is not None and position.newer
    columns = list(SUMMARY)
    if wanted.text is not None:
        start = func.substr(_task.parameters, 1, SEARCHED)
        columns.append(start.label("parameters_start"))  # type: ignore[arg-type]
    order = _order(wanted, newer, _task)
    if condition.column is not None:
        order.insert(0, condition.column.asc() if newer else condition.column.desc())
    query = select(*columns).order_by(*order).limit(count)
    parts = [
        query.where(each.condition, *_bounds(condition.column, each.value, position))
        for each in condition.ranges
    ]
    if len(parts) == 1:
        return parts[0]
    rows = union_all(*(select(part.subquery()) for part in parts)).subquery()
    return select(rows).order_by(*_order(wanted, newer, rows.c)).limit(count)


def _bounds(
    column: Any, value: str | None, position: Position | None
) -> list[ColumnElement[bool]]:
    """Return where a range begins and ends.

    Written as bounds, not as an equality: else PostgreSQL may go through all tasks by their id
    until it has found enough.
    """
    if column is None or value is None:
        bounds = [] if column is None else [column.is_(None)]
        return bounds if position is None else [*bounds, _behind(position)]
    if position is None:
        return [column >= value, column <= value]
    place, known = tuple_(column, _task.id), tuple_(literal(value), literal(position.id))
    if position.newer:
        return [place > known, column <= value]
    return [column >= value, place < known]


def _behind(position: Position) -> ColumnElement[bool]:
    if position.created is None:
        return _task.id > position.id if position.newer else _task.id < position.id
    place = tuple_(_task.started_at, _task.id)
    known = tuple_(literal(position.created, UtcTimestamp()), literal(position.id))
    return place > known if position.newer else place < known


def _last_looked_at(
    in_order: Callable[[int], Select[*tuple[Any, ...]]],
) -> Row[Any] | None:
    """Return the last row that was looked at, if there may be more behind it."""
    return DB.session.execute(in_order(LOOKED_AT).offset(LOOKED_AT - 1).limit(1)).first()


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
