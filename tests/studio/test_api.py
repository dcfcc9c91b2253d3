import re
import subprocess
import sys
from pathlib import Path

from velatura.images.io import read_settings
from velatura.painting.config import StyleConfig

ROOT = Path(__file__).parents[2]


def call(studio, folder, code):
    """Run a client's code as a process of its own, as a user would."""
    return subprocess.run(
        [sys.executable, "-c", code.replace("http://127.0.0.1:7860", studio.address)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_documents_client_paints(studio, files, photograph, painting):
    photograph.save(files / "photo.jpg")
    painting.save(files / "painting.jpg")
    page = (ROOT / "docs/studio.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    done = call(studio, files, code.replace('"size": 512', '"size": 64, "steps": [2]'))
    assert done.returncode == 0, done.stderr
    found = Path(done.stdout.splitlines()[-1])
    settings = read_settings(found)
    assert settings["content"] == "photo.jpg"
    assert StyleConfig.from_dict(settings["config"]) == StyleConfig(
        size=64, steps=(2,), strength=0.6
    )


BAD_CALLS = [
    ('handle_file("text.png")', {}, "text.png: expected an image"),
    ('{"path": "/etc/passwd"}', {}, "expected a picture that was uploaded here"),
    ('"photo.png"', {}, "expected a picture that was uploaded here"),
    ('handle_file("photo.png")', {"size": 4}, "size: expected a number of at least 16"),
    ('handle_file("photo.png")', {"wobble": 1}, "unknown option 'wobble'"),
    ('handle_file("photo.png")', {"init": "/etc/passwd"}, "passwd: expected the name"),
    ('handle_file("photo.png")', {"init": "../photo.png"}, "photo.png: expected the name"),
    ('handle_file("photo.png")', {"init": "x" * 5000}, f"{'x' * 80}: expected the name"),
    ('handle_file("photo.png")', {"init": "\0"}, "expected the name"),
    ('handle_file("photo.png")', {"mask": ["/photo.png"]}, "photo.png: expected the name"),
    ('handle_file("photo.png")', {"weights": "/x.pth"}, "weights: expected embedded"),
    ('handle_file("photo.png")', {"weights": "torchvision"}, "weights: expected embedded"),
    ('handle_file("photo.png")', {"blend": [1, 2]}, "expected 1 weights for 1 styles"),
    ('handle_file("photo.png")', {"init": "x" * 5000}, "xxx: expected the name"),
    ('handle_file("photo.png")', {"init": "\0"}, "\0: expected the name"),
    ('{"path": "http://127.0.0.1:1/", "meta": FILE}', {}, "403 Forbidden"),
]


def test_bad_calls_are_told_what_is_wrong(studio, files):
    (files / "text.png").write_text("no picture")
    code = """
from gradio_client import Client, handle_file

client = Client("http://127.0.0.1:7860", verbose=False)
FILE = {"_type": "gradio.FileData"}
painting = [handle_file("painting.png")]
"""
    for photograph, settings, _ in BAD_CALLS:
        code += f"""
try:
    client.predict({photograph}, painting, {settings!r}, api_name="/paint")
except Exception as error:
    print(" ".join(str(error).split()))
"""
    done = call(studio, files, code)
    assert done.returncode == 0, done.stderr
    found = done.stdout.splitlines()
    assert len(found) == len(BAD_CALLS)
    for line, (_, _, told) in zip(found, BAD_CALLS, strict=True):
        assert told in line
    assert str(studio.folder) not in done.stdout


def test_a_clients_second_call_does_not_stop_its_first(studio, files):
    code = """
from gradio_client import Client, handle_file

client = Client("http://127.0.0.1:7860", verbose=False)
inputs = handle_file("photo.png"), [handle_file("painting.png")]
first = client.submit(*inputs, {"size": 64, "steps": [30]}, api_name="/paint")
next(first)
second = client.submit(*inputs, {"size": 64, "steps": [1]}, api_name="/paint")
print([[*job][-1]["steps"] for job in (first, second)])
"""
    done = call(studio, files, code)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[30, 1]\n"
