"""What a health check is, and what it finds."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.exc import DBAPIError

from ...util.error_text import name_and_text
from ...util.redaction import redact_text, redact_urls


class Status(StrEnum):
    """How something is, from best to worst."""

    OK = "ok"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"

    @property
    def rank(self) -> int:
        """How bad it is."""
        return list(Status).index(self)


@dataclass(frozen=True)
class Problem:
    """Something that is wrong. The texts may be lazy: they are translated when they are shown.

    Attributes:
        summary: for everybody; names nothing of this host.
        cause: what is wrong, in full.
        cure: the setting or the command that mends it.
        status: what it does to the check; ``ok`` for a hint, which leaves it as it is.
    """

    summary: Any
    cause: Any
    cure: Any
    status: Status = Status.DEGRADED


@dataclass(frozen=True)
class Outcome:
    """What a check has found.

    Attributes:
        facts: what it has looked at, in a line.
        problems: what is wrong, and hints.
    """

    facts: Any = ""
    problems: Sequence[Problem] = ()

    @property
    def status(self) -> Status:
        """The status of the worst problem."""
        found = (problem.status for problem in self.problems)
        return max(found, key=lambda status: status.rank, default=Status.OK)


@dataclass(frozen=True)
class Check:
    """A row of the table of checks.

    Attributes:
        name: for programs.
        label: for people.
        look: does it, in an app context; an exception means that it cannot be reached. Its docstring
            is the text of the documentation.
        cure: what to do when it cannot be reached.
        needs: another check; while that is unavailable, nothing is known of this one.
        is_vital: whether a web process cannot serve without.
        is_service: whether people may see that it works, on the landing page.
        max_age: seconds for which a result without problems counts.
        max_share: part of the time that its runs may take: those that take long are made less often.
        patience: seconds after which a run that has not ended counts as without an answer.
        for_doctor: whether only ``flask doctor`` runs it.
    """

    name: str
    label: Any
    look: Callable[[], Outcome]
    cure: Any = ""
    needs: str = ""
    is_vital: bool = False
    is_service: bool = False
    max_age: float = 60.0
    max_share: float = 1.0
    patience: float = 10.0
    for_doctor: bool = False


@dataclass(frozen=True)
class Result:
    """A check with its outcome."""

    check: Check
    outcome: Outcome

    @property
    def status(self) -> Status:
        """How what was looked at is."""
        return self.outcome.status

    @property
    def problem(self) -> Problem | None:
        """The worst problem, if there is one; a hint is none."""
        found = [p for p in self.outcome.problems if p.status is not Status.OK]
        return max(found, key=lambda p: p.status.rank, default=None)


def safe_text(error: BaseException) -> str:
    """Return what an error says, without passwords in it, and without statements of SQL."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    return redact_urls(redact_text(name_and_text(error)))


def overall(results: Iterable[Result]) -> Status:
    """Return ``unavailable`` if a vital check is, else ``degraded`` if one has found a problem."""
    status = Status.OK
    for result in results:
        if result.check.is_vital and result.status is Status.UNAVAILABLE:
            return Status.UNAVAILABLE
        if result.status not in (Status.OK, Status.UNKNOWN):
            status = Status.DEGRADED
    return status


def report(results: Iterable[Result], with_details: bool) -> dict[str, Any]:
    """Return what programs get.

    Args:
        results: of the checks
        with_details: whether to tell facts, causes and cures, which name hosts
    """
    results = list(results)
    checks: dict[str, dict[str, Any]] = {}
    for each in results:
        entry = checks[each.check.name] = {"status": each.status}
        if with_details:
            if facts := str(each.outcome.facts):
                entry["facts"] = facts
            entry["problems"] = [
                {name: str(text) for name, text in vars(problem).items()}
                for problem in each.outcome.problems
            ]
    return {"status": overall(results), "checks": checks}
