"""Which messages of a task are under way, who has them, and what becomes of those that are lost.

Only with a broker that speaks the Redis protocol, and never in tests of plugins: elsewhere tasks
work as well, but what dies with a worker or the broker is not noticed.
"""
