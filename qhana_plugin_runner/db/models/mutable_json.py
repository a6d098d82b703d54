"""A JSON column that tracks nested changes.

``task.data["a"]["b"].append(1)`` marks the row as changed: dicts and lists that are read from
or assigned to the column become subclasses that report to their parent, up to the row.
SQLAlchemy's own ``MutableDict`` and ``MutableList`` track only the outermost level, and refuse
the scalars that a JSON column may hold as well.
"""

from collections.abc import Iterable, Mapping
from functools import wraps
from typing import Any, SupportsIndex, Union

from sqlalchemy import JSON, event
from sqlalchemy.ext.mutable import Mutable
from sqlalchemy.orm import InstanceState, QueryableAttribute

JSON_LIKE = Union[dict[str, Any], list[Any], str, int, float, bool, None]
"""The values of a JSON column."""


class MutableJSON(JSON):
    """The type of a JSON column that tracks nested changes: ``mapped_column(MutableJSON)``."""

    cache_ok = True


class Tracked(Mutable):
    """A container in a JSON column, which reports changes to its parent container or the row."""

    _container: "Tracked | None" = None

    def changed(self) -> None:
        if self._container is None:
            super().changed()
        else:
            self._container.changed()

    def _wrap(self, value: Any) -> Any:
        return track(value, container=self)

    @classmethod
    def coerce(cls, key: str, value: Any) -> Any:
        return track(value)

    @classmethod
    def _listen_on_attribute(
        cls, attribute: QueryableAttribute[Any], coerce: bool, parent_cls: Any
    ) -> None:
        """Track loaded and assigned values.

        Replaces SQLAlchemy's listeners, which do not support scalars.
        """
        if parent_cls is not attribute.class_:
            return
        key = attribute.key

        def adopt(state: InstanceState[Any], value: Any) -> Any:
            value = track(value)
            if isinstance(value, Tracked):
                value._parents[state] = key
            return value

        def load(state: InstanceState[Any], *_args: Any) -> None:
            if key in state.dict:
                state.dict[key] = adopt(state, state.dict[key])

        def refresh(state: InstanceState[Any], _context: Any, names: Any) -> None:
            if not names or key in names:
                load(state)

        def assign(
            state: InstanceState[Any], value: Any, old: Any, _initiator: Any
        ) -> Any:
            if value is old:
                return value
            if isinstance(old, Tracked):
                old._parents.pop(state, None)
            return adopt(state, value)

        event.listen(parent_cls, "load", load, raw=True, propagate=True)
        event.listen(parent_cls, "refresh", refresh, raw=True, propagate=True)
        event.listen(parent_cls, "refresh_flush", refresh, raw=True, propagate=True)
        event.listen(attribute, "set", assign, raw=True, retval=True, propagate=True)


def track(value: Any, container: Tracked | None = None) -> Any:
    """Return ``value`` with all dicts and lists in it replaced by tracked copies."""
    if isinstance(value, Mapping):
        entries = TrackedDict()
        entries._container = container
        dict.update(entries, {key: track(item, entries) for key, item in value.items()})
        return entries
    if isinstance(value, (list, tuple)):
        items = TrackedList()
        items._container = container
        list.extend(items, [track(item, items) for item in value])
        return items
    return value


def _mutator(method: Any) -> Any:
    """Return a method of a container that also reports a change."""

    @wraps(method)
    def mutate(self: Tracked, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        self.changed()
        return result

    return mutate


class TrackedDict(Tracked, dict[str, Any]):
    """A dict in a JSON column."""

    __delitem__ = _mutator(dict.__delitem__)
    clear = _mutator(dict.clear)
    pop = _mutator(dict.pop)
    popitem = _mutator(dict.popitem)

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, self._wrap(value))
        self.changed()

    def __ior__(self, other: Any) -> "TrackedDict":  # type: ignore[override, misc]
        self.update(other)
        return self

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *args: Any, **kwargs: Any) -> None:
        super().update(
            {key: self._wrap(value) for key, value in dict(*args, **kwargs).items()}
        )
        self.changed()

    def __reduce__(self) -> Any:
        return (dict, (dict(self),))


class TrackedList(Tracked, list[Any]):
    """A list in a JSON column."""

    __delitem__ = _mutator(list.__delitem__)
    clear = _mutator(list.clear)
    pop = _mutator(list.pop)
    remove = _mutator(list.remove)
    reverse = _mutator(list.reverse)
    sort = _mutator(list.sort)

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            super().__setitem__(index, [self._wrap(item) for item in value])
        else:
            super().__setitem__(index, self._wrap(value))
        self.changed()

    def __iadd__(self, other: Iterable[Any]) -> "TrackedList":  # type: ignore[misc]
        self.extend(other)
        return self

    def __imul__(self, times: SupportsIndex) -> "TrackedList":
        self[:] = list(self) * int(times)
        return self

    def append(self, value: Any) -> None:
        super().append(self._wrap(value))
        self.changed()

    def extend(self, values: Iterable[Any]) -> None:
        super().extend([self._wrap(value) for value in values])
        self.changed()

    def insert(self, index: SupportsIndex, value: Any) -> None:
        super().insert(index, self._wrap(value))
        self.changed()

    def __reduce__(self) -> Any:
        return (list, (list(self),))


Tracked.associate_with(MutableJSON)
