"""What stands before Gradio: pages of elsewhere, files of elsewhere and floods are refused."""

import json
import os
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from velatura.studio.folder import Folder

# What Gradio can do and the studio does not, of /gradio_api/: fetch from elsewhere, write code.
REFUSED = ("file=http", "proxy=", "vibe", "process_recording", "run-history", "deep_link")
MOST_UPLOADED = 2_000_000_000  # bytes, of all uploads that are kept at a time
MOST_FORM = 8_000_000  # bytes of a form

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Refused(Exception):  # noqa: N818  it is no error of the studio's
    """A request that is not answered, with the HTTP status and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class Guard:
    """An ASGI middleware. Pages of `origins` alone may frame the studio and use it."""

    def __init__(self, app: Any, folder: Folder, origins: Collection[str] = ()) -> None:
        self.app, self.folder, self.origins = app, folder, origins
        self.coming = 0  # bytes that are being uploaded
        self.headers = [
            (b"content-security-policy", self._framed_by().encode()),
            (b"cross-origin-resource-policy", b"same-origin"),
        ]

    def _framed_by(self) -> str:
        return f"frame-ancestors {' '.join(self.origins) or chr(39) + 'none' + chr(39)}"

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        from starlette.responses import PlainTextResponse

        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self.headers]
            await send(message)

        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        asked = scope["path"].lstrip("/").removeprefix("gradio_api/")
        size = 0
        try:
            self._check(scope["method"], asked, headers)
            if scope["method"] == "POST" and asked.rstrip("/") == "upload":
                size = self._check_upload(headers)
            elif scope["method"] == "POST":
                receive = await _checked_form(receive)
        except Refused as refused:
            await PlainTextResponse(refused.why, refused.status)(scope, receive, sending)
            return
        self.coming += size
        try:
            await self.app(scope, receive, sending)
        finally:
            self.coming -= size

    def _check(self, method: str, asked: str, headers: dict[str, str]) -> None:
        if asked.startswith(REFUSED):
            raise Refused(403, "not part of the studio")
        if asked.startswith(("file=", "file/")):
            # Gradio looks at where a file is named, not at where a link leads.
            path = os.path.realpath(asked[len("file=") :])
            if not path.startswith(f"{self.folder.path}{os.sep}"):
                raise Refused(403, "expected a file of the studio")
        origin = headers.get("origin", "")
        if origin in self.origins and origin:
            return
        if origin and urlsplit(origin).netloc.lower() != headers.get("host", "").lower():
            raise Refused(403, f"{origin}: pages of elsewhere may not use the studio")
        # A browser says where a request comes from. A link or an address may be opened.
        opened = method in ("GET", "HEAD") and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not opened:
            raise Refused(403, "pages of elsewhere may not use the studio")

    def _check_upload(self, headers: dict[str, str]) -> int:
        """How many bytes an upload has."""
        size = headers.get("content-length", "")
        if not size.isdecimal():
            raise Refused(411, "expected the length of what is uploaded")
        if self.folder.uploaded_bytes() + self.coming + int(size) > MOST_UPLOADED:
            raise Refused(
                413,
                f"the studio holds {MOST_UPLOADED / 1e9:g} GB of uploads at most; they are deleted "
                "after a day, and when it ends",
            )
        return int(size)


async def _checked_form(receive: Receive) -> Receive:
    """A form is read whole, to be handed on if no file in it is an address to fetch."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused(400, "expected a form, the browser left")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_FORM:
            raise Refused(413, f"expected at most {MOST_FORM / 1e6:g} MB of a form")
    try:
        _refuse_addresses(json.loads(bytes(body)))
    except RecursionError:
        raise Refused(400, "expected a form, got lists within lists") from None
    except ValueError:
        pass  # nothing that Gradio would read either
    whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

    async def again() -> Message:
        return whole.pop() if whole else await receive()

    return again


def _refuse_addresses(form: Any) -> None:
    """Raise Refused if anything that could be a file is an address."""
    waiting = [form]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and "://" in path:
                raise Refused(403, f"{path[:80]}: expected an uploaded file, got an address")
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
