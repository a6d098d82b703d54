"""What runs inside of Celery workers: heartbeat, requeue, child processes, shutdown."""
