"""Read HTML into a small tree, so that tests look at elements and not at text."""

from collections.abc import Iterator
from html.parser import HTMLParser

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())


class Element:
    """An element; ``attributes`` without a value are there with the empty text."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list["Element | str"] = []

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def __contains__(self, name: str) -> bool:
        return name in self.attributes

    def __repr__(self) -> str:
        return f"<{self.tag} {self.attributes}>"

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        """All text inside, as it is written."""
        return "".join(
            child if isinstance(child, str) else child.text for child in self.children
        )

    @property
    def words(self) -> str:
        """All text inside, with single spaces."""
        return " ".join(self.text.split())

    def walk(self) -> Iterator["Element"]:
        """Yield all elements inside, in their order."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.walk()

    def all(self, tag: str = "", class_: str = "", **attributes: str) -> list["Element"]:
        """Return the elements inside that match; ``_`` in names of attributes is a dash."""
        wanted = {
            name.rstrip("_").replace("_", "-"): value
            for name, value in attributes.items()
        }
        return [
            each
            for each in self.walk()
            if tag in ("", each.tag)
            and (not class_ or class_ in each.classes)
            and all(each.get(name) == value for name, value in wanted.items())
        ]

    def one(self, tag: str = "", class_: str = "", **attributes: str) -> "Element":
        """Return the only element that matches."""
        found = self.all(tag, class_, **attributes)
        assert len(found) == 1, (
            f"{len(found)} elements {tag} .{class_} {attributes}: {found}"
        )
        return found[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read_html(text: str) -> Element:
    """Read a document or a part of one.

    Raises:
        AssertionError: an element is not closed or has an attribute twice.
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert len(reader.open) == 1, f"not closed: {reader.open[1:]}"
    return reader.open[0]


def foreign_scripts(page: Element) -> list[Element]:
    """Return all scripts of a page that are no files of the runner."""
    return [
        script
        for script in page.all("script")
        if script.words or "/static/" not in script.attributes.get("src", "")
    ]
