"""Ray, and an S3 server on 127.0.0.1."""

import os
from collections.abc import Iterator

import pytest
from PIL import Image

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_BACKEND_LOG_LEVEL"] = "fatal"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # it listens on 127.0.0.1 alone


@pytest.fixture
def folder(tmp_path, photograph):
    """Three photographs, one in a subfolder, and a file that is none."""
    place = tmp_path / "photographs"
    (place / "sub").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.jpg", "sub/a.png")):
        photograph.rotate(number).save(place / name)
    (place / "bad.jpg").write_bytes(b"no picture")
    (place / ".hidden.png").write_bytes(b"")
    (place / "notes.txt2").write_text("")
    return place


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of a server with a bucket `pictures`."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():
            patch.setenv(name, value)
        import s3fs

        s3fs.S3FileSystem().mkdir("pictures")
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def style(folder) -> Image.Image:
    return Image.open(folder / "a.png")
