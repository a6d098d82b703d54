"""Attributes of HTML elements."""

from typing import Any

from jinja2 import Undefined
from markupsafe import Markup, escape


class Attributes(dict[str, Any]):
    """HTML attributes that write themselves: ``<input{{ attributes }}>``.

    ``True`` stands for an attribute without a value; ``None``, ``False`` and undefined
    variables of a template leave the attribute out.
    """

    def __html__(self) -> str:
        return Markup(
            "".join(
                (
                    f" {escape(name)}"
                    if value is True
                    else f' {escape(name)}="{escape(value)}"'
                )
                for name, value in self.items()
                if not (value is None or value is False or isinstance(value, Undefined))
            )
        )

    def __str__(self) -> str:
        return self.__html__()
