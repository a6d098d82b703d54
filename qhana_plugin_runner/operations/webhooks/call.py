"""One call of a webhook, and what its answer means."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

from requests import Response
from requests.exceptions import RequestException, Timeout
from werkzeug.http import parse_date

from ...requests import AS_RUNNER, REQUEST_SESSION, FetchRefused

WEBHOOK_TIMEOUT = 10.0
"""Seconds in which the receiver of a webhook has to answer."""

NOT_NOW = frozenset({408, 425, 429})
"""Besides 5xx, the statuses that say "not now". Any other answer of a webhook's receiver
means that it has got the call, also the 404 to an event it does not care about."""

GONE = 410


class Meaning(Enum):
    """What an answer means: got it, got it and wants no more, not now, never."""

    DELIVERED = "delivered"
    GONE = "gone"
    NOT_NOW = "not now"
    NEVER = "never"


@dataclass(frozen=True)
class Answer:
    """What a call came to.

    Attributes:
        meaning: what is to be done.
        text: for people, without secrets: ``HTTP 404``, ``timed out after 10 s``.
        is_from_receiver: whether there was an answer at all.
        retry_after: seconds that the receiver wants to be left alone; 0 when it said nothing.
    """

    meaning: Meaning
    text: str
    is_from_receiver: bool = False
    retry_after: float = 0.0


def post(
    url: str,
    task_url: str,
    event_type: str | None,
    headers: Mapping[str, str] | None = None,
    timeout: float = WEBHOOK_TIMEOUT,
) -> Response:
    """Call a webhook: ``POST <url>?source=<task_url>&event=<event_type>``.

    The body is empty, the query of the URL is kept, redirects are not followed. The body of the
    answer is not read; close it.

    Raises:
        requests.exceptions.RequestException: there is no answer
    """
    return REQUEST_SESSION.post(
        url,
        params={"source": task_url, "event": event_type},
        headers=headers,
        auth=AS_RUNNER,
        timeout=timeout,
        allow_redirects=False,
        stream=True,
    )


def is_not_now(status: int) -> bool:
    """Whether a status says that the receiver cannot take the call at the moment."""
    return status in NOT_NOW or status >= 500


def call_for_answer(
    url: str, task_url: str, event_type: str, headers: Mapping[str, str], timeout: float
) -> Answer:
    """Call a webhook as :func:`post` does; every failure is an answer, too."""
    try:
        with post(url, task_url, event_type, headers, timeout) as response:
            return _answer(response)
    except Timeout:
        return timed_out(timeout)
    except FetchRefused as error:
        return Answer(Meaning.NEVER, str(error))
    except ValueError as error:
        # Also what requests raises for URLs and headers that nobody could send.
        return Answer(Meaning.NEVER, f"cannot be called: {type(error).__name__}")
    except (RequestException, OSError) as error:
        return Answer(Meaning.NOT_NOW, _reason(error))


def timed_out(seconds: float) -> Answer:
    return Answer(Meaning.NOT_NOW, f"timed out after {seconds:g} s")


def _answer(response: Response) -> Answer:
    status = response.status_code
    if is_not_now(status):
        meaning, retry_after = Meaning.NOT_NOW, _retry_after(response)
    else:
        meaning = Meaning.GONE if status == GONE else Meaning.DELIVERED
        retry_after = 0.0
    return Answer(meaning, f"HTTP {status}", True, retry_after)


def _retry_after(response: Response) -> float:
    """Return the seconds in ``Retry-After``, which is a number or a date."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    until = parse_date(text)
    if until is None:
        return 0.0
    # By the clock of the receiver, when it tells its time.
    now = parse_date(response.headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _reason(error: BaseException) -> str:
    """Say in few words why there was no answer.

    The texts of requests and urllib3 repeat the URL, which may hold secrets; that of the error
    of the operating system or of TLS, which they wrap, does not.
    """
    inner: object = error
    while isinstance(inner, BaseException):
        error = inner
        inner = getattr(error, "reason", None) or error.__cause__ or error.__context__
    if isinstance(error, OSError) and not isinstance(error, RequestException):
        return (error.strerror or str(error))[:400]
    return type(error).__name__
