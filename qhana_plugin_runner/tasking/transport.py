"""How Celery sends to a Redis server."""

from typing import Any

from kombu.transport import redis


class RedisChannel(redis.Channel):
    """A channel that keeps a client: to make one for each message takes longer than to send it."""

    _kept_client: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous)  # type: ignore[no-untyped-call]
        client = self._kept_client
        if client is None or client.connection_pool is not self.pool:
            client = super()._create_client()  # type: ignore[no-untyped-call]
            self._kept_client = client
        return client


class RedisTransport(redis.Transport):
    """What Celery uses for redis URLs."""

    Channel = RedisChannel
