"""Where Celery keeps the results of its tasks."""

from typing import Any

from celery.backends.redis import RedisBackend
from celery.result import AsyncResult
from celery.states import SUCCESS


class SilentRedisBackend(RedisBackend):
    """Results in Redis, without a subscription for each message that is sent.

    Celery subscribes to the result of every task at the moment it is sent, and stays subscribed
    until the result is fetched. The runner's processes hardly ever fetch results; those that do
    subscribe when they start to wait, and look first whether the result is there already.
    """

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Do nothing."""

    def add_pending_result(self, result: Any, *_args: Any, **_options: Any) -> Any:
        """Do nothing: Celery calls this for each group that is sent, too."""
        return result

    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: Any = None,
        request: Any = None,
        **options: Any,
    ) -> Any:
        """Store a success without a look at what is there: only a success has to stay, and one stays."""
        if state != SUCCESS:
            return super()._store_result(
                task_id, result, state, traceback, request, **options
            )
        meta = self._get_result_meta(result, state, traceback, request)
        value = self.encode({**meta, "task_id": task_id})
        self._set_with_state(self.get_key_for_task(task_id), value, state)
        return result

    def wait_for_pending(self, result: Any, *args: Any, **options: Any) -> Any:
        super().add_pending_result(result)
        return super().wait_for_pending(result, *args, **options)

    def iter_native(self, result: Any, *args: Any, **options: Any) -> Any:
        for part in result.results:
            if isinstance(part, AsyncResult):
                super().add_pending_result(part)
        return super().iter_native(result, *args, **options)
