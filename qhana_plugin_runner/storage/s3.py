"""Files in a bucket of Amazon S3, or of any server that speaks its protocol."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from flask import Flask

from ..db.models.tasks import TaskFile
from ..util.current_message import current_message
from ..util.pieces import PieceReader
from .content import CHUNK, Content, FileFacts, FileLike, content_type
from .errors import StoreNotConfigured
from .s3_object import S3Object, explained
from .store import KeptFile, ServedFileStore, shown_name

PRESIGNED_SECONDS = 60 * 60
"""How long a presigned URL works: long enough to start a download, as one that runs goes on."""

CONNECT_SECONDS, READ_SECONDS = 5, 60
"""A server that is near connects at once; it may take a while to put a large file together."""

ATTEMPTS, WORK_ATTEMPTS = 5, 12
"""Times that a request is tried when the server is busy or away, with growing pauses. A task tries for
some two minutes, as for the broker: it may have computed for hours what it wants to keep."""


class S3FileStore(ServedFileStore, name="s3"):
    """Files in a bucket; the settings ``S3_*`` name it.

    Rows hold the path without ``S3_KEY_PREFIX``, so that a bucket may be moved. Downloads go
    through the runner, or with ``S3_DOWNLOAD = "presigned"`` are sent on to the bucket.
    """

    _made: tuple[int, Any, Any] | None = None

    def init_app(self, app: Flask) -> None:
        """Read the settings.

        Raises:
            StoreNotConfigured: no bucket is named
        """
        super().init_app(app)
        self.config = app.config
        self.bucket = app.config["S3_BUCKET"]
        if not self.bucket:
            raise StoreNotConfigured(
                "the file store 's3' needs a bucket: set S3_BUCKET, and for another server than "
                "Amazon's S3_ENDPOINT_URL"
            )

    def _clients(self) -> tuple[Any, Any]:
        """Return the client for requests, and the one that presigns URLs for clients.

        Raises:
            StoreNotConfigured: boto3 rejects a setting
        """
        # Forked processes must not share connections.
        if self._made is None or self._made[0] != os.getpid():
            public = self.config["S3_PUBLIC_ENDPOINT_URL"]
            try:
                own = self._new_client(self.config["S3_ENDPOINT_URL"])
                for_others = self._new_client(public) if public else own
            except ValueError as error:
                raise StoreNotConfigured(
                    f"the file store 's3' cannot be used with these settings: {error}"
                ) from error
            self._made = (os.getpid(), own, for_others)
        return self._made[1:]

    def _new_client(self, endpoint: str | None) -> Any:
        # Imported here: 0.1 s and some megabytes, only for this store.
        import boto3
        from botocore.config import Config

        # A session of its own: the default one may not be used by several threads at once.
        session = boto3.session.Session(
            aws_access_key_id=self.config["S3_ACCESS_KEY_ID"],
            aws_secret_access_key=self.config["S3_SECRET_ACCESS_KEY"],
            region_name=self.config["S3_REGION"],
        )
        attempts = WORK_ATTEMPTS if current_message().task_name else ATTEMPTS
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": attempts},
            signature_version="s3v4",
            # Names of buckets as subdomains need a DNS entry each, which few own servers have.
            s3={"addressing_style": "path" if endpoint else "auto"},
            # Other servers do not know the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return session.client("s3", endpoint_url=endpoint, config=config)

    def key_of(self, path: str | Path) -> str:
        """Return the key in the bucket for what a row remembers."""
        return f"{self.config['S3_KEY_PREFIX']}{self.prepare_path(path).as_posix()}"

    def persist_file(
        self,
        file_: FileLike,
        target: str | Path,
        mimetype: str,
    ) -> FileFacts:
        from boto3.s3.transfer import TransferConfig

        content = Content(file_)
        key = self.key_of(target)
        client, _signing = self._clients()
        with explained("keep", self.bucket, key):
            # An object appears when all of it is there. One part (8 MiB) is held in memory.
            client.upload_fileobj(
                PieceReader(content),
                self.bucket,
                key,
                ExtraArgs={"ContentType": content_type(mimetype)},
                Config=TransferConfig(use_threads=False),
            )
        return content.facts

    def get_file_url(self, file_storage_data: str, external: bool = True) -> str:
        """Return a presigned URL, which works for an hour."""
        return self._presigned(file_storage_data, external)

    def get_download_redirect(self, file_info: TaskFile) -> str | None:
        if self.config["S3_DOWNLOAD"] != "presigned":
            return None
        name = quote(shown_name(file_info.file_name).rpartition("/")[2], safe="")
        return self._presigned(
            file_info.file_storage_data,
            True,
            ResponseContentDisposition=f"inline; filename*=UTF-8''{name}",
            ResponseContentType=content_type(file_info.mimetype),
        )

    def _presigned(self, data: str, external: bool, **overrides: str) -> str:
        key = self.key_of(data)
        client, signing = self._clients()
        with explained("make a URL for", self.bucket, key):
            url: str = (signing if external else client).generate_presigned_url(
                "get_object",
                Params={"Bucket": self.bucket, "Key": key, **overrides},
                ExpiresIn=PRESIGNED_SECONDS,
            )
        return url

    def open(self, file_info: TaskFile) -> BinaryIO:
        """Open a file for reading; it can be rewound.

        Raises:
            StorageError: the bucket has no such file, or cannot be reached
        """
        key = self.key_of(file_info.file_storage_data)
        client, _signing = self._clients()
        return io.BufferedReader(S3Object(client, self.bucket, key), CHUNK)

    def delete(self, file_info: TaskFile) -> None:
        """Remove a file.

        Raises:
            StorageError: the server refuses, or cannot be reached
        """
        key = self.key_of(file_info.file_storage_data)
        client, _signing = self._clients()
        with explained("remove", self.bucket, key):
            client.delete_object(Bucket=self.bucket, Key=key)

    def task_files(self) -> Iterator[KeptFile]:
        prefix = self.config["S3_KEY_PREFIX"]
        client, _signing = self._clients()
        with explained("list", self.bucket, f"{prefix}task_"):
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=f"{prefix}task_"
            )
            for page in pages:
                for found in page.get("Contents", ()):
                    path = found["Key"].removeprefix(prefix)
                    yield KeptFile(path, found["Size"], found["LastModified"])
