"""A folder with many plugins of all kinds, some of them broken."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
_KINDS = _TESTS / "plugins" / "kinds"
_DEMOS = _TESTS.parent / "plugins"


@dataclass(frozen=True)
class Kind:
    """A plugin to be written many times under different names.

    Attributes:
        source: its file or its package
        text: the name in the source that gives way to each plugin's own
        version: the version in the source
        listed: whether it has a blueprint
        has_ui: whether it has a micro frontend at ``ui/``
        tasks: whether it has Celery tasks, named after its identifier
    """

    source: Path
    text: str = "kind-name"
    version: str = "v0.2.1"
    listed: bool = True
    has_ui: bool = True
    tasks: bool = True


# Names are such that none is an identifier: "optics-clustering/", "one-hot_encoding.py".
KINDS = {
    "one-hot_encoding": Kind(_KINDS / "encoding.py"),
    "optics-clustering": Kind(_KINDS / "optics"),
    "flask-2_plot": Kind(_KINDS / "plot.py", tasks=False),
    "virtual-parent": Kind(_KINDS / "parent.py", has_ui=False, tasks=False),
    "file-shelf": Kind(_KINDS / "shelf.py", listed=False, has_ui=False),
    "wall-clock": Kind(_KINDS / "clock.py", listed=False, has_ui=False),
    "multi-step": Kind(_DEMOS / "hello_steps.py", "hello-world-multi-step", "v1.0.0"),
    "up.load": Kind(_DEMOS / "upload.py", "file-upload", "v1.0.0", tasks=False),
}

# Each broken one with what has to be said about it: its cause, and words of the fix.
BROKEN = {
    "needs-more": ("dependency.py", "a_package_that_nobody_has", "Install the package"),
    "lost-blueprint": ("blueprint.py", "A_SETTING_THAT_NOBODY_MADE", "line "),
    "half-written": ("syntax.txt", "SyntaxError", "Correct line 4"),
}


@dataclass
class Broken:
    """A plugin that does not work.

    Attributes:
        file: its file
        cause: a part of the error that has to be shown
        fix: a part of the advice that has to be shown
    """

    file: Path
    cause: str
    fix: str


@dataclass
class Written:
    """What was written.

    Attributes:
        folders: for ``PLUGIN_FOLDERS``
        kinds: the kind of each working plugin by its name and version
        broken: those that do not work
    """

    folders: list[Path]
    kinds: dict[tuple[str, str], Kind] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)


def write_plugins(folder: Path, count: int, broken: int = 3) -> Written:
    """Write plugins of all kinds.

    The folders are ``plugins``; ``more``, where a plugin has the module name of another one
    and a plugin is there in a newer version; and ``lone-package``, which is itself a package.

    Args:
        folder: an empty or missing folder
        count: how many plugins, with the broken ones; at least 4 more than those
        broken: how many of them do not work

    Raises:
        ValueError: there are too few plugins for what has to be there.
    """
    working = count - broken
    if working < 4:
        raise ValueError(f"{count} plugins with {broken} broken ones are too few")
    main, more, lone = (folder / name for name in ("plugins", "more", "lone-package"))
    written = Written([main, more, lone])
    for each in (main, more):
        each.mkdir(parents=True)
    encoding, optics = KINDS["one-hot_encoding"], KINDS["optics-clustering"]
    _write(written, optics, lone, "lone-package")
    # Two plugins with one module name, and another version of the first one.
    _write(written, encoding, main / "one-hot_encoding", "one-hot")
    _write(written, KINDS["flask-2_plot"], more / "one-hot_encoding", "one-hot-plot")
    _write(written, encoding, more / "one-hot_encoding_new", "one-hot", "v0.10.0")
    kinds = list(KINDS.items())
    for number in range(working - 4):
        name, kind = kinds[number % len(kinds)]
        name = f"{name}-{number // len(kinds)}"
        _write(written, kind, main / name, name.replace(".", "-").replace("_", "-"))
    for number in range(broken):
        name, (source, cause, fix) = list(BROKEN.items())[number % len(BROKEN)]
        file = main / f"{name}-{number}.py"
        text = (_KINDS / "broken" / source).read_text("utf-8")
        file.write_text(text.replace("kind-name", f"{name}-{number}"), "utf-8")
        written.broken.append(Broken(file, cause, fix))
    return written


def _write(
    written: Written, kind: Kind, target: Path, name: str, version: str = ""
) -> None:
    """Write a plugin to the target, a path without ending."""
    version = version or kind.version
    if kind.source.is_dir():
        shutil.copytree(kind.source, target, ignore=shutil.ignore_patterns("__pycache__"))
        files = [path for path in target.rglob("*") if path.is_file()]
    else:
        target = target.with_name(f"{target.name}.py")
        files = [Path(shutil.copy(kind.source, target))]
    for file in files:
        text = file.read_text("utf-8").replace(f'"{kind.text}"', f'"{name}"')
        text = text.replace(f'"{kind.text}-', f'"{name}-')
        text = text.replace(f'"{kind.version}"', f'"{version}"')
        # Templates of all plugins share one space of names.
        text = text.replace("kind_name.html", f"{name}.html")
        file.write_text(text, "utf-8")
        if file.name == "kind_name.html":
            file.rename(file.with_name(f"{name}.html"))
    written.kinds[name, version] = kind
