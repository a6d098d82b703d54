"""The option ``--qhana-plugin`` of pytest: each finding of the checks is a test.

Loaded in each run of pytest where the runner is installed, so it imports next to nothing.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .findings import Finding


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
    from .process import plugin_files

    found = _Findings(plugin_files(config.option.qhana_plugin))
    items += [
        _CheckItem.from_parent(
            session, name=f"{file}::{code}", found=found, file=file, code=code
        )
        for file in found.files
        for code in FINDINGS
    ]


class _Findings:
    """The findings about all plugins, looked for when the first is asked for."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files

    @cached_property
    def by_file(self) -> dict[str, list["Finding"]]:
        from .process import check_plugins

        return check_plugins(self.files)


class _Found(Exception):
    """There are findings."""


class _CheckItem(pytest.Item):
    def __init__(self, found: _Findings, file: Path, code: str, **options: Any) -> None:
        super().__init__(**options)
        self._found, self._file, self._code = found, file, code

    def runtest(self) -> None:
        findings = self._found.by_file[str(self._file)]
        if own := [str(each) for each in findings if each.code == self._code]:
            raise _Found("\n".join(own))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if isinstance(excinfo.value, _Found):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self._file, None, self.name
