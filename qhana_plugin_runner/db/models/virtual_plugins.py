"""Plugins that exist only as rows, and the key-value stores of all plugins."""

from collections.abc import Iterable, Sequence
from typing import Any, Self, TypeVar

from sqlalchemy import JSON, ColumnElement, LargeBinary, String, Text, delete, select
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from ..db import DB, DB_SIGNALS
from .mutable_json import JSON_LIKE, MutableJSON

__all__ = [
    "DB",
    "DB_SIGNALS",
    "DataBlob",
    "JSON_LIKE",
    "PluginState",
    "VIRTUAL_PLUGIN_CREATED",
    "VIRTUAL_PLUGIN_REMOVED",
    "VirtualPlugin",
]

VIRTUAL_PLUGIN_CREATED = DB_SIGNALS.signal("virtual-plugin-created")
"""Sent by plugins with ``plugin_url=`` after they made a virtual plugin."""

VIRTUAL_PLUGIN_REMOVED = DB_SIGNALS.signal("virtual-plugin-removed")
"""Sent by plugins with ``plugin_url=`` after they removed a virtual plugin."""

T = TypeVar("T")

_REQUIRED: Any = object()


class VirtualPlugin(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A plugin made at runtime by a loaded plugin, its parent.

    Attributes:
        parent_id: the identifier or the name of the parent.
        tags: one tag a line.
        href: the URL of its metadata.
    """

    __tablename__ = "VirtualPlugin"

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    parent_id: Mapped[str] = mapped_column(String(550))
    name: Mapped[str] = mapped_column(String(500))
    version: Mapped[str] = mapped_column(String(50))
    description: Mapped[str] = mapped_column(Text)
    tags: Mapped[str] = mapped_column(Text)
    href: Mapped[str] = mapped_column(Text)

    @property
    def identifier(self) -> str:
        return f"{self.name}@{self.version}".replace(".", "-")

    @property
    def tag_list(self) -> list[str]:
        return [tag for tag in self.tags.splitlines() if tag]

    @classmethod
    def exists(cls, query_filter: Iterable[ColumnElement[bool]] = ()) -> bool:
        """Whether a row matches all conditions."""
        query = select(cls.id).filter(*query_filter).limit(1)
        return DB.session.execute(query).first() is not None

    @classmethod
    def get_all(
        cls,
        for_parents: Sequence[str] | None = None,
        filters: Iterable[ColumnElement[bool]] = (),
    ) -> Sequence[Self]:
        """Return the virtual plugins that match all filters, sorted by name and version.

        Parameters:
            for_parents: only those of these parents (identifiers or names).
        """
        query = select(cls).filter(*filters)
        if for_parents is not None:
            query = query.filter(cls.parent_id.in_(for_parents))
        return DB.session.execute(query.order_by(cls.name, cls.version)).scalars().all()

    @classmethod
    def get_all_by_name(cls, name: str) -> Sequence[Self]:
        return cls.get_all(filters=[cls.name == name])

    @classmethod
    def get_by_href(cls, href: str, parent_id: str | None = None) -> Self | None:
        """Return the virtual plugin with this URL, or ``None``."""
        query = select(cls).filter_by(href=href)
        if parent_id is not None:
            query = query.filter_by(parent_id=parent_id)
        return DB.session.execute(query.limit(1)).scalar_one_or_none()

    @classmethod
    def delete_by_href(
        cls, href: str, parent_id: str | None = None, commit: bool = False
    ) -> None:
        statement = delete(cls).filter_by(href=href)
        if parent_id is not None:
            statement = statement.filter_by(parent_id=parent_id)
        _execute(statement, commit)

    @classmethod
    def delete_by_name_and_version(
        cls, name: str, version: str, commit: bool = False
    ) -> None:
        _execute(delete(cls).filter_by(name=name, version=version), commit)


def _execute(statement: Any, commit: bool) -> None:
    DB.session.execute(statement)
    if commit:
        DB.session.commit()


class _KeyValueStore:
    """Values under (plugin id, key). The plugin id is the identifier or the name of a plugin."""

    plugin_id: Any
    key: Any
    value: Any

    @classmethod
    def get_item(cls, plugin_id: str, key: str) -> Self | None:
        """Return the row, or ``None``."""
        return DB.session.get(cls, (plugin_id, key))

    @classmethod
    def get_value(cls, plugin_id: str, key: str, default: Any = _REQUIRED) -> Any:
        """Return the value, or ``default``. Changes inside of it are kept by :meth:`set_value`.

        Raises:
            KeyError: there is no value and no default was given.
        """
        item = cls.get_item(plugin_id, key)
        if item is not None:
            return item.value
        if default is _REQUIRED:
            raise KeyError(f"plugin {plugin_id!r} has no value {key!r}")
        return default

    @classmethod
    def set_value(cls, plugin_id: str, key: str, value: Any, commit: bool = False) -> Any:
        """Set a value and return the one before, or ``None``."""
        item = cls.get_item(plugin_id, key)
        old = None
        if item is None:
            DB.session.add(cls(plugin_id, key, value))  # type: ignore[call-arg]
        else:
            old, item.value = item.value, value
        if commit:
            DB.session.commit()
        return old

    @classmethod
    def delete_value(cls, plugin_id: str, key: str, commit: bool = False) -> Any:
        """Remove a value and return it, or ``None`` when there was none."""
        item = cls.get_item(plugin_id, key)
        if item is not None:
            DB.session.delete(item)
        if commit:
            DB.session.commit()
        return None if item is None else item.value


class PluginState(_KeyValueStore, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """JSON values that a plugin keeps."""

    __tablename__ = "PluginState"

    plugin_id: Mapped[str] = mapped_column(String(550), primary_key=True)
    key: Mapped[str] = mapped_column(String(500), primary_key=True)
    value: Mapped[JSON_LIKE] = mapped_column(
        MutableJSON.as_mutable(JSON()), nullable=True
    )

    @classmethod
    def get_all_items(cls, plugin_id: str) -> Sequence[Self]:
        """Return all rows of one plugin."""
        query = select(cls).filter_by(plugin_id=plugin_id).order_by(cls.key)
        return DB.session.execute(query).scalars().all()

    @classmethod
    def get_all_items_like(cls, plugin_id: str) -> Sequence[Self]:
        """Return all rows of plugins whose id matches an SQL ``LIKE`` pattern."""
        query = select(cls).filter(cls.plugin_id.like(plugin_id))
        return DB.session.execute(query.order_by(cls.plugin_id, cls.key)).scalars().all()


class DataBlob(_KeyValueStore, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """Binary values that a plugin keeps."""

    __tablename__ = "DataBlob"

    plugin_id: Mapped[str] = mapped_column(String(550), primary_key=True)
    key: Mapped[str] = mapped_column(String(500), primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)
