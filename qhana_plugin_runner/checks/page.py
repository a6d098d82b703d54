"""A form as a browser sees it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

_NO_LABEL_NEEDED = {"hidden", "submit", "button", "reset", "image"}


@dataclass
class Control:
    """An input, select or textarea.

    Attributes:
        attributes: as they are written
        value: what it sends when nobody touches it; ``None`` for nothing
        options: the values of a select
        labelled: whether a label, or an attribute, says what it is
    """

    tag: str
    attributes: dict[str, str]
    value: str | None = None
    options: list[str] = field(default_factory=list)
    labelled: bool = False

    @property
    def name(self) -> str:
        return self.attributes.get("name", "")

    @property
    def type(self) -> str:
        default = "text" if self.tag == "input" else self.tag
        return self.attributes.get("type", default) if self.tag == "input" else default

    @property
    def is_required(self) -> bool:
        return "required" in self.attributes

    @property
    def needs_label(self) -> bool:
        return self.type not in _NO_LABEL_NEEDED


@dataclass
class Page:
    """What is on the page of a form.

    Attributes:
        controls: those with a name, in their order
        targets: the URLs that buttons send it to
        images: the sources of images without a text
        text: all of its text
        html: the page itself
    """

    controls: list[Control] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    text: str = ""
    html: str = field(default="", repr=False)

    def control(self, name: str) -> Control | None:
        """Return the first control of this name."""
        return next((each for each in self.controls if each.name == name), None)


def read_page(html: str, url: str) -> Page:
    """Read the page of a form.

    Args:
        html: its text
        url: where it is from
    """
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    for control in reader.page.controls:
        attributes = control.attributes
        control.labelled = (
            control.labelled
            or attributes.get("id") in reader.labels
            or any(
                attributes.get(key) for key in ("aria-label", "aria-labelledby", "title")
            )
        )
    reader.page.html = html
    reader.page.text = " ".join("".join(reader.texts).split())
    return reader.page


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.page, self.labels, self.texts = Page(), set[str](), list[str]()
        self._url = self._action = url
        self._in_label = False
        self._open: Control | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {key: value or "" for key, value in attrs}
        if tag == "form":
            self._action = urljoin(self._url, attributes.get("action", ""))
            self.page.targets.append(self._action)
        elif tag == "label":
            self._in_label = True
            self.labels.add(attributes.get("for", ""))
        elif tag == "img" and "alt" not in attributes:
            self.page.images.append(attributes.get("src", ""))
        elif tag == "button" or attributes.get("type") == "submit":
            if "formaction" in attributes:
                self.page.targets.append(urljoin(self._url, attributes["formaction"]))
        elif tag in ("input", "select", "textarea"):
            self._add(Control(tag, attributes, labelled=self._in_label))
        elif tag == "option" and self._open is not None:
            value = attributes.get("value", "")
            self._open.options.append(value)
            if "selected" in attributes or self._open.value is None:
                self._open.value = value

    def _add(self, control: Control) -> None:
        if control.type in ("checkbox", "radio"):
            is_on = "checked" in control.attributes
            control.value = control.attributes.get("value", "on") if is_on else None
        elif control.tag == "input" and control.type != "file":
            control.value = control.attributes.get("value", "")
        elif control.tag == "textarea":
            control.value = ""
        if control.tag in ("select", "textarea"):
            self._open = control
        if control.name:
            self.page.controls.append(control)

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._in_label = False
        elif tag in ("select", "textarea"):
            self._open = None

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._open is not None and self._open.tag == "textarea":
            self._open.value = (self._open.value or "") + data
