"""An S3-compatible server on loopback, whose requests can be counted and made to fail.

What lives here: the server that tests of object storage talk to, and a bucket's owner's hands
(boto3). What may not: fixtures, or anything of the product.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

KEY_ID = "AKIATESTONLY7EXAMPLE"
SECRET = "wJalr-test'only\\K7MDENG-secret"  # noqa: S105 - nobody's; quotes must not become SQL
TOKEN = "FwoGZX-test-only-session-token"  # noqa: S105 - nobody's
BUCKET = "semillero-test"


@dataclass(frozen=True)
class Request:
    """One request that the server saw."""

    method: str
    path: str
    query: str
    host: str

    @property
    def is_listing(self) -> bool:
        """Whether it asks for names, not for an object."""
        return self.method == "GET" and "list-type=2" in self.query

    @property
    def is_content(self) -> bool:
        """Whether it asks for an object's bytes."""
        return self.method == "GET" and not self.is_listing


@dataclass
class ObjectServer:
    """moto's server, as tests see it.

    Attributes:
        requests: What it was asked since the last `forget`.
        fail: Given a request, the status to answer it with instead; None lets it through.
        answer: What a failing request is answered with.
    """

    endpoint: str = ""
    requests: list[Request] = field(default_factory=list)
    fail: Callable[[Request], int | None] | None = None
    answer: bytes = b""
    client: Any = None
    _server: Any = None

    def start(self) -> None:
        """Listen on a free port of the loopback address, with one bucket."""
        import boto3  # type: ignore[import-untyped]
        from moto.moto_server.threaded_moto_server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        inner = self._server._server.app  # noqa: SLF001 - moto offers no hook

        def watched(
            environ: dict[str, Any], start_response: Callable[..., object]
        ) -> Iterable[bytes]:
            request = Request(
                environ["REQUEST_METHOD"],
                environ["PATH_INFO"],
                environ.get("QUERY_STRING", ""),
                environ.get("HTTP_HOST", ""),
            )
            self.requests.append(request)
            status = self.fail(request) if self.fail else None
            if status is not None:
                length = str(len(self.answer))
                start_response(f"{status} Told to fail", [("Content-Length", length)])
                return [self.answer]
            answer: Iterable[bytes] = inner(environ, start_response)
            return answer

        self._server._server.app = watched  # noqa: SLF001 - see above
        self.client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket=BUCKET)

    def stop(self) -> None:
        """End the server."""
        self._server.stop()

    def forget(self) -> None:
        """Begin to count anew."""
        self.requests.clear()

    def put(self, key: str, content: bytes) -> None:
        """Put an object into the bucket."""
        self._backend().put_object(BUCKET, key, content)

    def get(self, key: str) -> bytes:
        """An object's content."""
        content: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def delete(self, key: str) -> None:
        """Remove an object."""
        self.client.delete_object(Bucket=BUCKET, Key=key)

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Every key below a prefix, with its size."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", [])}

    def age(self) -> None:
        """Make every new object a minute old, so that a listing settles it."""
        now = datetime.now(UTC).replace(tzinfo=None)
        for _, versions in self._objects().lists():
            for version in versions:
                if now - version.last_modified.replace(tzinfo=None) < timedelta(seconds=30):
                    version.last_modified -= timedelta(minutes=1)

    def snapshot(self) -> dict[str, tuple[bytes, datetime]]:
        """Everything that stands in the bucket, to be put back by `restore`."""
        return {
            key: (versions[-1].value, versions[-1].last_modified)
            for key, versions in self._objects().lists()
        }

    def restore(self, snapshot: dict[str, tuple[bytes, datetime]]) -> None:
        """Make the bucket what it was, times included."""
        now = self.snapshot()
        for key in set(now) - set(snapshot):
            self.delete(key)
        for key, (content, modified) in snapshot.items():
            if now.get(key) != (content, modified):
                self.put(key, content)
                self._objects()[key].last_modified = modified

    def _objects(self) -> Any:  # noqa: ANN401 - moto's own store, which has no types
        return self._backend().buckets[BUCKET].keys

    @staticmethod
    def _backend() -> Any:  # noqa: ANN401 - moto's own, which has no types
        from moto.s3.models import s3_backends

        (found,) = [
            backend
            for backends in s3_backends.values()
            for backend in backends.values()
            if BUCKET in backend.buckets
        ]
        return found
