"""The option ``--qhana-plugin`` of pytest: each finding of the checks is a test.

Loaded in each run of pytest where the runner is installed, so it imports next to nothing.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .findings import Finding

    Find = Callable[[], dict[str, list[Finding]]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("qhana", "plugins of QHAna").addoption(
        "--qhana-plugin",
        dest="qhana_plugin",
        metavar="PATH",
        action="append",
        default=[],
        help="check the plugins in this folder or file, and serve them in tests; may be repeated. "
        "Without other arguments, only these checks and the tests in PATH are run.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Look for tests beside the plugins, unless told where to look."""
    given: list[str] = config.option.qhana_plugin
    if missing := [path for path in given if not Path(path).exists()]:
        raise pytest.UsageError(f"--qhana-plugin: there is no {missing[0]}")
    if given and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [path for path in given if Path(path).is_dir()] or config.args[:0]


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add a test for each kind of finding and plugin."""
    if not config.option.qhana_plugin:
        return
    from .findings import FINDINGS
    from .process import check_plugins, plugin_files

    files = plugin_files(config.option.qhana_plugin)
    find = cache(lambda: check_plugins(files))
    items += [
        _CheckItem.from_parent(
            session, name=f"{file}::{code}", find=find, file=file, code=code
        )
        for file in files
        for code in FINDINGS
    ]


class _Found(Exception):
    """There are findings."""


class _CheckItem(pytest.Item):
    def __init__(self, find: "Find", file: Path, code: str, **options: Any) -> None:
        super().__init__(**options)
        self._find, self._file, self._code = find, file, code

    def runtest(self) -> None:
        findings = self._find()[str(self._file)]
        if own := [str(each) for each in findings if each.code == self._code]:
            raise _Found("\n".join(own))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if isinstance(excinfo.value, _Found):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self._file, None, self.name
