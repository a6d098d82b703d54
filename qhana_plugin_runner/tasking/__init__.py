"""Tasks from submit to end: life cycle, in-flight messages, publishing, cancel, removal.

Knows the database and the broker, never the Celery app. In-flight messages are tracked only with
a broker that speaks the Redis protocol, and never in tests of plugins: elsewhere tasks work as
well, but what dies with a worker or the broker is not noticed.
"""
