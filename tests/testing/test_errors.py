"""What errors say where there is little to say."""

import pytest

from qhana_plugin_runner.testing.running import PluginTask, TaskFailed


@pytest.mark.parametrize("log", [None, "", " \n"])
def test_a_task_that_failed_without_a_log(log):
    task = PluginTask.__new__(PluginTask)
    task.log, task.status = log, "FAILURE"
    assert str(TaskFailed(task)) == "the task ended as FAILURE: its log is empty"
