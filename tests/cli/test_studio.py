import signal
import socket

import pytest
from tests.studio.driver import Studio, is_picture

from velatura.studio.folder import Folder

CALL = """
from gradio_client import Client, handle_file
client = Client({address!r}, verbose=False)
files = handle_file("photo.png"), [handle_file("painting.png")]
for news in client.submit(*files, {{"steps": [{steps}]}}, api_name="/paint"):
    print(news, flush=True)
"""


@pytest.fixture
def calling(velatura):
    """A client in a process of its own that has a studio paint."""

    def call(studio, steps):
        return velatura.start_python(CALL.format(address=studio.address, steps=steps))

    return call


def begun(client):
    while "'step'" not in (line := client.stdout.readline()):
        assert line, client.stderr.read()


def test_killed_it_names_what_was_lost_and_ended_it_keeps_it(velatura, calling):
    folder = velatura.folder / "work"
    studio = Studio(folder)
    with calling(studio, 2) as client:
        assert "picture" in client.communicate(timeout=60)[0]
    with calling(studio, 5000) as client:
        begun(client)
        studio.end(signal.SIGKILL)
        client.kill()
    finished = folder / "pictures" / "photo-painting.png"
    assert is_picture(finished) == (96, 64)

    studio = Studio(folder)
    assert "lost when the studio was ended last: photo-painting-2 (photo.png" in studio.log()
    with calling(studio, 5000) as client:
        begun(client)
        assert studio.end(signal.SIGTERM) == 0
        client.kill()
    assert is_picture(folder / "pictures" / "photo-painting-2.png") == (96, 64)
    assert Folder(folder).lost == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--port", "{taken}"), "studio: 127.0.0.1, port {taken}, cannot be served at"),
        (("--port", "99999"), "port 99999, cannot be served at"),
        (
            ("--host", "no.such.host.invalid"),
            "no.such.host.invalid, port 7860, cannot be served at",
        ),
        (("--at-once", "0"), "at-once: expected at least 1, got 0"),
        (("--port", "0", "--folder", "photo.png"), "photo.png"),
    ],
)
def test_what_cannot_be_served_is_one_line(velatura, arguments, told):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        done = velatura("studio", *[text.format(taken=taken) for text in arguments])
    assert done.returncode == 2
    assert told.format(taken=taken) in done.stderr
    assert done.stderr.count("\n") == 1
