"""Virtual plugins, and the key-value stores of plugins."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Self, TypeVar

from sqlalchemy import ColumnElement, LargeBinary, String, Text, delete, select
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
"""Sent by plugins with ``plugin_url=`` after they created a virtual plugin."""

VIRTUAL_PLUGIN_REMOVED = DB_SIGNALS.signal("virtual-plugin-removed")
"""Sent by plugins with ``plugin_url=`` after they removed a virtual plugin."""

T = TypeVar("T")

_REQUIRED: Any = object()


class VirtualPlugin(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A plugin created at run time by a loaded plugin, its parent.

    It is listed while its parent is loaded. Add and remove it in the database session and notify
    the registry with the signals::

        DB.session.add(VirtualPlugin(parent_id=..., name=..., ...))
        DB.session.commit()
        VIRTUAL_PLUGIN_CREATED.send(current_app._get_current_object(), plugin_url=href)

    Attributes:
        id: the key of the row.
        parent_id: the identifier or the name of the parent.
        name: name of the plugin.
        version: version of the plugin.
        description: one or two sentences for people.
        tags: one tag a line.
        href: the URL of its metadata, absolute.
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
        """The identifier, made of name and version as for any plugin."""
        return f"{self.name}@{self.version}".replace(".", "-")

    @property
    def tag_list(self) -> list[str]:
        """The tags without blank lines."""
        return [tag for tag in re.split(r"\r\n|\r|\n", self.tags) if tag]

    @classmethod
    def exists(cls, query_filter: Iterable[ColumnElement[bool]] = ()) -> bool:
        """Return whether a virtual plugin matches all conditions.

        Args:
            query_filter: conditions such as ``VirtualPlugin.name == "child"``.
        """
        query = select(cls.id).filter(*query_filter).limit(1)
        return DB.session.execute(query).first() is not None

    @classmethod
    def get_all(
        cls,
        for_parents: Sequence[str] | None = None,
        filters: Iterable[ColumnElement[bool]] = (),
    ) -> Sequence[Self]:
        """Return the virtual plugins that match all filters, sorted by name and version.

        Args:
            for_parents: only plugins of these parents (identifiers or names).
            filters: conditions such as ``VirtualPlugin.name == "child"``.
        """
        query = select(cls).filter(*filters)
        if for_parents is not None:
            query = query.filter(cls.parent_id.in_(for_parents))
        return DB.session.execute(query.order_by(cls.name, cls.version)).scalars().all()

    @classmethod
    def get_all_by_name(cls, name: str) -> Sequence[Self]:
        """Return the virtual plugins with this name, sorted by version."""
        return cls.get_all(filters=[cls.name == name])

    @classmethod
    def get_by_href(cls, href: str, parent_id: str | None = None) -> Self | None:
        """Return a virtual plugin by its URL, or ``None``.

        Args:
            href: the URL of its metadata, exactly as in the row.
            parent_id: only if it has this parent.
        """
        query = select(cls).filter_by(href=href)
        if parent_id is not None:
            query = query.filter_by(parent_id=parent_id)
        return DB.session.execute(query.limit(1)).scalar_one_or_none()

    @classmethod
    def delete_by_href(
        cls, href: str, parent_id: str | None = None, commit: bool = False
    ) -> None:
        """Delete the virtual plugins with a URL, if there are any.

        Args:
            href: the URL of their metadata, exactly as in the row.
            parent_id: only plugins of this parent.
            commit: commit everything in the session.
        """
        statement = delete(cls).filter_by(href=href)
        if parent_id is not None:
            statement = statement.filter_by(parent_id=parent_id)
        _execute(statement, commit)

    @classmethod
    def delete_by_name_and_version(
        cls, name: str, version: str, commit: bool = False
    ) -> None:
        """Delete the virtual plugins with a name and a version, if there are any.

        Args:
            name: their name, exactly as in the row.
            version: their version, exactly as in the row.
            commit: commit everything in the session.
        """
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
        """Return the row of a value, or ``None``.

        Args:
            plugin_id: the identifier or the name of a plugin.
            key: name of the value.
        """
        return DB.session.get(cls, (plugin_id, key))

    @classmethod
    def get_value(cls, plugin_id: str, key: str, default: Any = _REQUIRED) -> Any:
        """Return a value; save changes inside of it with :meth:`set_value`.

        Args:
            plugin_id: the identifier or the name of a plugin.
            key: name of the value.
            default: returned when there is no value.

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
        """Set a value and return the previous one, or ``None``.

        Args:
            plugin_id: the identifier or the name of a plugin, at most 550 characters.
            key: name of the value, at most 500 characters.
            value: the new value.
            commit: commit everything in the session.
        """
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
        """Remove a value and return it, or ``None`` when there was none.

        Args:
            plugin_id: the identifier or the name of a plugin.
            key: name of the value.
            commit: commit everything in the session.
        """
        item = cls.get_item(plugin_id, key)
        value = None if item is None else item.value
        if item is not None:
            DB.session.delete(item)
            DB.session.flush()  # so that the session no longer finds it
        if commit:
            DB.session.commit()
        return value


class PluginState(_KeyValueStore, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A JSON value of a plugin::

        PluginState.set_value(Plugin.instance.identifier, "limits", {"qubits": 5}, commit=True)
        PluginState.get_value(Plugin.instance.identifier, "limits", default={})

    Attributes:
        plugin_id: the identifier or the name of the plugin.
        key: name of the value.
        value: any JSON value; changes inside of it are tracked.
    """

    __tablename__ = "PluginState"

    plugin_id: Mapped[str] = mapped_column(String(550), primary_key=True)
    key: Mapped[str] = mapped_column(String(500), primary_key=True)
    value: Mapped[JSON_LIKE] = mapped_column(MutableJSON, nullable=True)

    @classmethod
    def get_all_items(cls, plugin_id: str) -> Sequence[Self]:
        """Return all rows of the plugin with this id, sorted by key."""
        query = select(cls).filter_by(plugin_id=plugin_id).order_by(cls.key)
        return DB.session.execute(query).scalars().all()

    @classmethod
    def get_all_items_like(cls, plugin_id: str) -> Sequence[Self]:
        """Return the rows of plugins whose id contains a text, sorted by id and key.

        Args:
            plugin_id: the text, for example a plugin's name to find all of its versions.
        """
        query = select(cls).filter(cls.plugin_id.contains(plugin_id, autoescape=True))
        return DB.session.execute(query.order_by(cls.plugin_id, cls.key)).scalars().all()


class DataBlob(_KeyValueStore, MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A binary value of a plugin, small enough for memory.

    Attributes:
        plugin_id: the identifier or the name of the plugin.
        key: name of the value.
        value: the bytes.
    """

    __tablename__ = "DataBlob"

    plugin_id: Mapped[str] = mapped_column(String(550), primary_key=True)
    key: Mapped[str] = mapped_column(String(500), primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)
