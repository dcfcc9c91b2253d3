import asyncio
import json

import pytest

from velatura.errors import ConfigError
from velatura.studio import guard
from velatura.studio.app import serving
from velatura.studio.guard import Guard

UPLOAD = "/gradio_api/upload"
FORM = "/gradio_api/queue/join"


def ask(guarded, path, *, method="POST", body=(b"{}",), during=None, **headers):
    """The status, body and headers that a guarded application answers, and what it was sent."""
    given = {"host": "127.0.0.1:7860", **{k.replace("_", "-"): v for k, v in headers.items()}}
    parts = [
        {"type": "http.request", "body": part, "more_body": number < len(body) - 1}
        for number, part in enumerate(body)
    ]
    answer, got = [], []

    async def receive():
        return parts.pop(0) if parts else {"type": "http.disconnect"}

    async def send(message):
        answer.append(message)

    async def app(scope, receive, send):
        if during:
            during()
        while True:
            message = await receive()
            got.append(message["body"])
            if not message["more_body"]:
                break
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    guarded.app = app
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    asyncio.run(guarded(scope, receive, send))
    return answer[0]["status"], answer[1]["body"], dict(answer[0]["headers"]), b"".join(got)


@pytest.fixture
def guarded(folder):
    return Guard(None, folder)


def test_a_form_is_handed_on_as_it_came(guarded):
    body = json.dumps({"data": [{"path": "/x/photo.png"}, "http://in.a.text/"]}).encode()
    status, _, _, got = ask(guarded, FORM, body=(body[:9], body[9:]))
    assert (status, got) == (200, body)


@pytest.mark.parametrize(
    "data",
    [
        [{"path": "http://127.0.0.1:1/", "meta": {"_type": "gradio.FileData"}}],
        [[{"image": {"path": "https://example.org/x.png"}}]],
        {"a": {"b": [{"path": "ftp://example.org/"}]}},
    ],
)
def test_an_address_in_place_of_a_file_is_refused(guarded, data):
    status, told, _, got = ask(guarded, FORM, body=(json.dumps({"data": data}).encode(),))
    assert (status, got) == (403, b"")
    assert b"expected an uploaded file, got an address" in told


def test_forms_that_would_take_all_memory_are_refused(guarded):
    part = b" " * 1_000_000
    assert ask(guarded, FORM, body=(part,) * 9)[0] == 413
    assert ask(guarded, FORM, body=(b"[" * 200_000,))[0] == 400


def test_all_uploads_together_have_a_limit(guarded, folder, monkeypatch):
    monkeypatch.setattr(guard, "MOST_UPLOADED", 1000)
    (folder.uploads / "a1b2").mkdir()
    (folder.uploads / "a1b2" / "x.png").write_bytes(b"x" * 600)
    assert ask(guarded, UPLOAD, content_length="400")[0] == 200
    assert ask(guarded, UPLOAD, content_length="401")[0] == 413
    assert ask(guarded, UPLOAD)[0] == 411
    coming = []
    during = lambda: coming.append(guarded.coming)  # noqa: E731
    assert ask(guarded, UPLOAD, content_length="300", during=during)[0] == 200
    assert (coming, guarded.coming) == ([300], 0)
    guarded.coming = 300  # another
    assert ask(guarded, UPLOAD, content_length="101")[0] == 413


def test_pages_of_an_origin_that_is_allowed_may_frame_and_use_it(folder):
    guarded = Guard(None, folder, ["https://huggingface.co"])
    elsewhere = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "cors"}
    status, _, headers, _ = ask(guarded, FORM, origin="https://huggingface.co", **elsewhere)
    assert status == 200
    assert headers[b"content-security-policy"] == b"frame-ancestors https://huggingface.co"
    assert ask(guarded, FORM, origin="https://example.org", **elsewhere)[0] == 403
    assert ask(guarded, FORM, **elsewhere)[0] == 403
    assert (
        ask(guarded, FORM, origin="http://127.0.0.1:7860", sec_fetch_site="same-origin")[0] == 200
    )


@pytest.mark.parametrize("origin", ["huggingface.co", "*", "https://x; script-src *", "file:///"])
def test_what_is_no_origin_is_refused(tmp_path, origin):
    with (
        pytest.raises(ConfigError, match="allow-origin: expected"),
        serving(tmp_path, origins=[origin]),
    ):
        pass
