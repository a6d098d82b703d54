"""``flask clean-up``."""

import pytest

from qhana_plugin_runner.db.models.tasks import ProcessingTask


@pytest.fixture
def run(app):
    """Return a function that runs the command and returns its result."""
    return lambda *arguments: app.test_cli_runner().invoke(args=["clean-up", *arguments])


def test_without_settings_nothing_goes(run, make_task, rows, of_tasks):
    make_task(days=99)
    result = run()
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "finished-tasks: kept, as no age is set",
        "temporary-files: kept, as no age is set",
        "orphans: kept, as no age is set",
    ]
    assert rows() == of_tasks(1)


def test_the_settings_say_what_goes(app, run, make_task, rows):
    app.config["RETENTION_FINISHED_DAYS"] = 30.0
    make_task(days=31)
    dry = run("--dry-run").output.splitlines()[0]
    assert dry == "finished-tasks: would remove 1 tasks with 2 files of 15 bytes"
    assert rows()
    done = run("--only", "finished-tasks").output
    assert done == "finished-tasks: removed 1 tasks with 2 files of 15 bytes\n"
    assert rows() == {}


def test_an_age_can_be_given(run, make_task):
    make_task(days=5)
    for _ in range(2):
        result = run(
            "--older-than", "4", "--only", "temporary-files", "--only", "orphans"
        )
        assert result.exit_code == 0, result.output
        assert "finished" not in result.output
    assert "temporary-files: removed 0 files of 0 bytes" in result.output
    assert ProcessingTask.get_by_id(1) is not None


@pytest.mark.parametrize(
    "arguments, part",
    [
        (["--older-than", "3"], "--only"),
        (["--older-than", "0", "--only", "orphans"], "0"),
        (["--only", "results"], "results"),
    ],
)
def test_wrong_options_are_refused_before_anything_goes(
    run, make_task, rows, of_tasks, arguments, part
):
    make_task(days=99)
    result = run(*arguments)
    assert result.exit_code == 2
    assert part in result.output
    assert rows() == of_tasks(1)
