"""Objects in a bucket as Python files, read in chunks."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .errors import MissingFile, StorageError

RESUMES = 3
"""Consecutive attempts to resume an interrupted download."""


@contextmanager
def explained(doing: str, bucket: str, key: str) -> Iterator[None]:
    """Translate errors of boto3 in the ``with`` block.

    Raises:
        MissingFile: there is no such object
        StorageError: the server refuses, or cannot be reached
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, Boto3Error, ClientError) as error:
        answer = getattr(error, "response", {}).get("Error", {})
        if answer.get("Code") in (
            "404",
            "NoSuchKey",
        ):  # the first has no body to say more
            raise MissingFile(f"the bucket {bucket!r} has no object {key!r}") from error
        raise StorageError(
            f"cannot {doing} {key!r} in the bucket {bucket!r}: {error}; see that the server "
            "runs, and that S3_ENDPOINT_URL, S3_BUCKET and the access key are right"
        ) from error


class S3Object(io.RawIOBase):
    """An object as a file to read, from any position on.

    Fetches at the first read, in one stream, and resumes an interrupted stream.

    Args:
        client: of boto3
        bucket: its name
        key: of the object

    Raises:
        MissingFile: there is no such object
        StorageError: the server refuses, or cannot be reached
    """

    _stream: Any = None

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        with explained("read", bucket, key):
            head = client.head_object(Bucket=bucket, Key=key)
        self._size: int = head["ContentLength"]
        # Several requests must read the same object.
        self._place = {"Bucket": bucket, "Key": key, "IfMatch": head["ETag"]}
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        position = start[whence] + offset
        if position < 0:
            raise ValueError(f"negative position {position}")
        if position != self._position:
            self._end_stream()
            self._position = position
        return position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self._size:
            return 0
        with explained("read", self._place["Bucket"], self._place["Key"]):
            data = self._read(len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _read(self, size: int) -> bytes:
        from botocore.exceptions import BotoCoreError, IncompleteReadError

        failures = 0
        while True:
            try:
                if self._stream is None:
                    place = {**self._place, "Range": f"bytes={self._position}-"}
                    self._stream = self._client.get_object(**place)["Body"]
                if data := bytes(self._stream.read(size)):
                    return data
                raise IncompleteReadError(
                    actual_bytes=self._position, expected_bytes=self._size
                )
            except BotoCoreError:
                self._end_stream()
                failures += 1
                if failures > RESUMES:
                    raise

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def close(self) -> None:
        self._end_stream()
        super().close()
