"""Health: one table of checks, for probes, ``flask doctor``, the status page, the landing page."""

from ...util.flask_app import RunnerFlask
from .proxies import note_proxies
from .result import Check, Outcome, Problem, Result, Status, overall, report
from .running import check_health, use_checks
from .table import CHECKS

__all__ = [
    "CHECKS",
    "Check",
    "Outcome",
    "Problem",
    "Result",
    "Status",
    "check_health",
    "overall",
    "register_health",
    "report",
]


def register_health(app: RunnerFlask) -> None:
    """Prepare the checks of an app; none runs before somebody asks for its result."""
    note_proxies(app)
    use_checks(app, (check for check in CHECKS if not check.for_doctor))
