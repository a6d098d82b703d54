"""``flask doctor``: what is wrong with this runner, and what mends it."""

import json
from collections.abc import Collection
from typing import cast

import click
from flask import Flask
from flask.cli import ScriptInfo

from ...celery import register_celery
from ...util.config.celery_config import uses_own_broker
from ...util.embedded_broker import running_broker
from ...util.error_text import name_and_text
from ...util.flask_app import START_ERROR, RunnerFlask
from .result import Check, Outcome, Problem, Result, Status, report
from .running import Health
from .table import CHECKS

SECONDS = 20.0
"""For all checks together."""

_SETTINGS = Check("settings", "Settings", Outcome, is_vital=True)


@click.command("doctor")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, as /health/ready does."
)
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Find problems with this runner, and show how to fix them.

    Checks the settings, the database and its schema, the broker, the workers and their queues,
    the file stores, the plugins, and this host. None of them has to work. The exit status is 1 if
    there are problems.
    """
    app = context.ensure_object(ScriptInfo).load_app()
    error = app.extensions.get(START_ERROR)
    with app.app_context():
        results = [_of_settings(error)] if error else _examine(app)
        if as_json:
            click.echo(json.dumps(report(results, with_details=True), indent=2))
        else:
            _show(results)
    context.exit(any(each.status is not Status.OK for each in results))


def _of_settings(error: Exception) -> Result:
    text = getattr(error, "message", "") or name_and_text(error)
    problem = Problem(
        "cannot be used",
        text,
        "Correct it, then run `flask doctor` again. No other check can run until then.",
        Status.UNAVAILABLE,
    )
    return Result(_SETTINGS, Outcome(problems=[problem]))


def _examine(app: Flask) -> list[Result]:
    if uses_own_broker(app.config):
        # `scripts/run` starts a broker of its own for this instance.
        if own := running_broker(app.instance_path):
            app.config["CELERY"].update(broker_url=own, result_backend=own)
            register_celery(cast(RunnerFlask, app))
    found = Health(app, CHECKS).results(SECONDS)
    return [Result(_SETTINGS, Outcome()), *found.values()]


def _show(results: Collection[Result]) -> None:
    width = max(len(str(each.check.label)) for each in results)
    for each in results:
        color = {Status.OK: "green", Status.UNAVAILABLE: "red"}.get(each.status, "yellow")
        status = click.style(f"{each.status:<11}", fg=color)
        problems = each.outcome.problems
        facts = each.outcome.facts
        if each.status is Status.UNKNOWN:
            facts, problems = problems[0].summary, ()
        click.echo(f"{status} {each.check.label!s:<{width}}  {facts}".rstrip())
        for problem in problems:
            mark = "note" if problem.status is Status.OK else "cause"
            click.echo(f"{'':13}{mark + ':':<6} {problem.cause}")
            if str(problem.cure):
                click.echo(f"{'':13}cure:  {problem.cure}")
    wrong = sum(each.status is not Status.OK for each in results)
    click.echo(
        f"{wrong} of {len(results)} checks found problems."
        if wrong
        else "All checks passed."
    )
