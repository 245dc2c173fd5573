"""Images in, JSON out: an ASGI application with limits for whoever it does not know.

A request has an image as its body, or a form with several. Its bytes are counted while they arrive,
on an event loop that a slow client does not hold up; images are answered on threads, as many as
there are workers, and what waits for one of these is bounded too.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Message

Work = Callable[[str, bytes, Mapping[str, str]], dict[str, Any]]
"""The name of an image, its bytes and what the address asks for, to the document that answers; its
`problem`, if it has one, says why the image cannot be read."""

_MOST_FILES = 100
_HELD = 20
"""Bodies of the largest size that may be in memory at a time."""

_RETRY_AFTER = {"Retry-After": "1"}


class RefusedError(Exception):
    """A request that is not answered.

    Args:
        status: Of HTTP.
        problem: Why, in a sentence.
        headers: To send with it.
    """

    def __init__(
        self, status: int, problem: str, headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(problem)
        self.status, self.problem, self.headers = status, problem, headers


@dataclass(frozen=True)
class Limits:
    """What a request may take.

    Attributes:
        most_bytes: Of its body.
        seconds: Until it is answered.
        waiting: Requests that wait for a worker, at most.
        workers: Images that are answered at a time.
    """

    most_bytes: int = 20_000_000
    seconds: float = 30.0
    waiting: int = 64
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)


class Desk:
    """Takes requests and has workers answer them, within limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._workers = ThreadPoolExecutor(limits.workers)
        self._taken = self._held = 0

    def handler(self, work: Work) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers requests with a piece of work."""

        async def handle(request: Request) -> Response:
            late = RefusedError(408, f"the image did not arrive in {self._limits.seconds:g} s")
            try:
                async with asyncio.timeout(self._limits.seconds), self._reading(request) as counted:
                    images, is_form = await _read_images(counted)
                    late = RefusedError(503, "the server is busy: ask again", _RETRY_AFTER)
                    documents = await self._answer(work, images, request.query_params)
            except TimeoutError:
                raise late from None
            except asyncio.CancelledError:  # too slow for a server that was told to end
                raise RefusedError(503, "the server ends", _RETRY_AFTER) from None
            return _respond(documents, is_form)

        return handle

    @asynccontextmanager
    async def _reading(self, request: Request) -> AsyncIterator[Request]:
        """Yield a request whose body is counted while it is read, and forgotten at the end."""
        from starlette.requests import Request as Counted

        most, n_bytes = self._limits.most_bytes, 0
        too_large = RefusedError(413, f"the body has more than {most:,} bytes")
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > most:
            raise too_large

        async def receive() -> Message:
            nonlocal n_bytes
            message = await request.receive()
            size = len(message.get("body", b""))
            n_bytes += size
            self._held += size
            if n_bytes > most:
                raise too_large
            if self._held > _HELD * most:
                raise RefusedError(503, "too much arrives at a time: ask again", _RETRY_AFTER)
            return message

        try:
            yield Counted(request.scope, receive)
        finally:
            self._held -= n_bytes

    async def _answer(
        self, work: Work, images: list[tuple[str, bytes]], query: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        """Have workers answer the images of a request, if not too many requests wait already."""
        if self._taken >= self._limits.workers + self._limits.waiting:
            raise RefusedError(503, "too many requests are waiting: ask again", _RETRY_AFTER)
        self._taken += 1
        try:
            loop = asyncio.get_running_loop()
            return await asyncio.gather(
                *(loop.run_in_executor(self._workers, work, *image, query) for image in images)
            )
        finally:
            self._taken -= 1


async def _read_images(request: Request) -> tuple[list[tuple[str, bytes]], bool]:
    """Return the names and the bytes of the images in a request, and whether it is a form."""
    from starlette.datastructures import UploadFile
    from starlette.exceptions import HTTPException

    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        body = await request.body()
        if not body:
            raise RefusedError(400, "the body is empty: send an image")
        return [(request.query_params.get("name", ""), body)], False
    try:
        async with request.form(max_files=_MOST_FILES, max_fields=_MOST_FILES) as form:
            files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
            images = [(file.filename or "", await file.read()) for file in files]
    except HTTPException as error:
        raise RefusedError(400, f"the form cannot be read: {error.detail}") from error
    if not images:
        raise RefusedError(400, "the form has no image: send it as a file")
    return images, True


def _respond(documents: list[dict[str, Any]], is_form: bool) -> Response:
    from starlette.responses import JSONResponse

    problems = [document["problem"] for document in documents if document.get("problem")]
    if len(problems) == len(documents):
        more = f" (none of {len(problems)} images can)" if len(problems) > 1 else ""
        raise RefusedError(422, f"the image cannot be read: {problems[0]}{more}")
    return JSONResponse({"predictions": documents} if is_form else documents[0])


def build_app(
    work: Mapping[str, Work],
    pages: Mapping[str, tuple[bytes, str]],
    limits: Limits,
    headers: Mapping[str, str] | None = None,
) -> Starlette:
    """Return an application.

    Args:
        work: Path to what answers the images that are posted to it.
        pages: Path to what is there to read, and its media type.
        limits: Of each request.
        headers: Sent with every page.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of what is refused
    desk = Desk(limits)
    places = [*(f"POST {path}" for path in work), *(f"GET {path}" for path in pages)]

    def show(content: bytes, kind: str) -> Callable[[Request], Response]:
        return lambda request: Response(content, media_type=kind, headers=dict(headers or {}))

    async def refuse(request: Request, error: Exception) -> Response:
        if isinstance(error, RefusedError):
            return JSONResponse({"error": error.problem}, error.status, dict(error.headers))
        if isinstance(error, HTTPException):  # no such place, or asked in another way
            phrase = HTTPStatus(error.status_code).phrase.lower()
            problem = f"{phrase}; there is: {', '.join(places)}"
            return JSONResponse({"error": problem}, error.status_code, error.headers)
        return JSONResponse({"error": "the connection was closed"}, 400)

    kinds: tuple[type[Exception], ...] = (RefusedError, HTTPException, ClientDisconnect)
    return Starlette(
        routes=[
            *(Route(path, desk.handler(run), methods=["POST"]) for path, run in work.items()),
            *(Route(path, show(*page), methods=["GET"]) for path, page in pages.items()),
        ],
        exception_handlers=dict.fromkeys(kinds, refuse),
    )
