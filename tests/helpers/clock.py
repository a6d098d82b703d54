"""Runs ``celery`` in a process whose clock is wrong: ``python -m helpers.clock <hours> ...``."""

import sys
from datetime import UTC, datetime, timedelta

import time_machine
from celery.__main__ import main


def run():
    hours = float(sys.argv.pop(1))
    wrong = datetime.now(UTC) + timedelta(hours=hours)
    with time_machine.travel(wrong, tick=True):
        main()


if __name__ == "__main__":
    run()
