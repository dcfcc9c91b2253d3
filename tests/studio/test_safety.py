import json
import urllib.error
import urllib.request

import psutil
import pytest
from PIL import Image

from velatura.errors import ConfigError, ImageError
from velatura.studio.folder import MOST_BYTES, Folder


def ask(studio, path, data=None, **headers):
    """Status and body of an answer."""
    request = urllib.request.Request(studio.address + path, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def send(studio, name, content, **headers):
    """Upload bytes under a name, as a browser does; return where they are."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="' + name.encode() + b'"'
        b"\r\nContent-Type: image/png\r\n\r\n" + content + b"\r\n--x--\r\n"
    )
    headers["Content-Type"] = "multipart/form-data; boundary=x"
    return ask(studio, "gradio_api/upload", body, **headers)


def test_it_listens_on_this_machine_alone(studio):
    sockets = psutil.Process(studio.process.pid).net_connections("tcp")
    bound = {entry.laddr.ip for entry in sockets if entry.status == psutil.CONN_LISTEN}
    assert bound == {"127.0.0.1"}


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "{folder}/../outside.png",
        "{folder}/pictures/../../outside.png",
        "{folder}/pictures/%2e%2e/%2e%2e/outside.png",
        "{folder}/running/process",
        "http://127.0.0.1:{port}/",
        "https://example.org/",
        "pyproject.toml",
        "README.md",
    ],
)
def test_nothing_outside_the_pictures_can_be_read(studio, path):
    outside = studio.folder.parent / "outside.png"
    Image.new("RGB", (8, 8)).save(outside)
    path = path.format(folder=studio.folder, port=studio.port)
    assert ask(studio, f"gradio_api/file={path}")[0] in (403, 404)


def test_a_file_that_nobody_uploaded_is_not_taken_for_one(studio):
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    body = json.dumps({"data": [file, [file], {}]}).encode()
    kind = {"Content-Type": "application/json"}
    _, answer = ask(studio, "gradio_api/call/paint", body, **kind)
    _, told = ask(studio, f"gradio_api/call/paint/{json.loads(answer)['event_id']}")
    assert b"event: error" in told
    assert not list(studio.folder.rglob("passwd*"))


def test_what_gradio_can_do_besides_is_refused(studio):
    for path in ("gradio_api/proxy=https://example.org/", "gradio_api/vibe-code", "monitoring"):
        assert ask(studio, path)[0] in (401, 403, 404), path


def test_other_names_of_this_machine_are_refused(studio):
    assert ask(studio, "", Host="example.org")[0] == 400
    assert ask(studio, "")[0] == 200


@pytest.mark.parametrize("name", ["../../../escaped.png", "/tmp/escaped.png", "..\\escaped.png"])
def test_paths_in_names_lead_nowhere(studio, name):
    status, body = send(studio, name, b"anything")
    written = list(studio.folder.parent.rglob("*escaped*"))
    assert all(studio.folder / "uploads" in path.parents for path in written)
    if status == 200:
        (path,) = json.loads(body)
        assert path.startswith(str(studio.folder / "uploads"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.org"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
    ids=str,
)
def test_a_page_of_elsewhere_cannot_plant_an_upload(studio, headers):
    before = set(studio.folder.rglob("*"))
    status, told = send(studio, "planted.png", b"anything", **headers)
    assert status == 403
    assert b"pages of elsewhere" in told
    assert set(studio.folder.rglob("*")) <= before


@pytest.mark.parametrize("path", ["config", "gradio_api/info"])
def test_another_port_of_this_machine_cannot_read(studio, path):
    origin = "http://localhost:1"
    assert ask(studio, path, Origin=origin)[0] == 403
    assert ask(studio, path, **{"Sec-Fetch-Site": "same-site"})[0] == 403
    own = studio.address.rstrip("/")
    assert ask(studio, path, Origin=own, **{"Sec-Fetch-Site": "same-origin"})[0] == 200


def test_the_page_can_be_opened_from_elsewhere_and_not_framed(studio):
    asked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    request = urllib.request.Request(studio.address, headers=asked)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'none'"


def test_a_link_among_the_pictures_shows_nothing_of_elsewhere(studio, tmp_path, photograph):
    photograph.save(tmp_path / "outside.png")
    link = studio.folder / "pictures" / "link.png"
    link.symlink_to(tmp_path / "outside.png")
    try:
        assert ask(studio, f"gradio_api/file={link}")[0] == 403
        assert ask(studio, f"gradio_api/file/{link}")[0] == 403
    finally:
        link.unlink()


def test_huge_uploads_are_refused(studio):
    status, _ = send(studio, "huge.png", b"\0" * (MOST_BYTES + 1))
    assert status == 413
    assert not [path for path in studio.folder.rglob("*") if path.stat().st_size > MOST_BYTES // 2]


def test_a_page_among_the_uploads_is_not_shown_as_one(studio):
    _, body = send(studio, "page.html", b"<script>alert(1)</script>")
    (path,) = json.loads(body)
    with urllib.request.urlopen(f"{studio.address}gradio_api/file={path}") as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")


def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path):
    folder = Folder(tmp_path)
    bomb = folder.uploads / "bomb.png"
    Image.new("1", (9000, 9000)).save(bomb)
    assert bomb.stat().st_size < 100_000
    with pytest.raises(ImageError, match="at most 40 million pixels, got 9000×9000"):
        folder.accept({"path": str(bomb)})


def test_a_folder_is_one_studios(studio):
    with pytest.raises(ConfigError, match="another studio works in"):
        Folder(studio.folder)
