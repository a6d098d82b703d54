"""What a job of the maintenance is."""

from collections.abc import Callable
from typing import NamedTuple


class Job(NamedTuple):
    """Something that is done again and again, by one process of all.

    Attributes:
        name: names its lease and its thread.
        interval: the setting with the seconds from one end to the next start.
        run: does it once, in an app context; commits what it changes. It must do no harm when
            two processes run it at once. When it returns ``True``, there is more to do, and it is
            called again without a pause.
    """

    name: str
    interval: str
    run: Callable[[], bool | None]
