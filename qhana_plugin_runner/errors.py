"""The root of the runner's exceptions."""


class RunnerError(Exception):
    """Something that the runner knows how to explain: its text names the cause and the fix.

    Attributes:
        http_status: the status with which a request that ends in this error is answered.
    """

    http_status: int = 500
