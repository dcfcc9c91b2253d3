"""What the documents promise."""

import dataclasses
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from velatura.cli.main import build_parser
from velatura.fast.options import TrainingOptions
from velatura.options import as_text, meaning
from velatura.painting.config import StyleConfig
from velatura.painting.learned_options import UpdateTrainingOptions
from velatura.superres.options import UpscaleTrainingOptions
from velatura.video.options import VideoOptions

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_every_option_is_documented_as_it_is():
    page = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    classes = (
        *(StyleConfig, TrainingOptions, UpscaleTrainingOptions),
        *(UpdateTrainingOptions, VideoOptions),
    )
    for options in (made() for made in classes):
        for option in dataclasses.fields(options):
            flag = f"--{option.name.replace('_', '-')}"
            default = getattr(options, option.name)
            column = f"`{as_text(default)}`" if default not in (None, (), {}, "") else ""
            assert f"| `{flag}` | {meaning(option)} | {column} |" in page


def test_there_are_pages_with_commands_and_links_to_look_at():
    assert len(PAGES) > 5
    commands = [
        line for page in PAGES for block in blocks(page, "sh") for line in block.split("\n")
    ]
    assert sum(line.startswith("velatura ") for line in commands) > 20
    assert sum(len(re.findall(r"\]\(", page.read_text(encoding="utf-8"))) for page in PAGES) > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_documents_parse(page):
    for block in blocks(page, "sh"):
        for line in block.splitlines():
            if line.startswith("velatura "):
                build_parser().parse_args(shlex.split(line, comments=True)[1:])


def test_the_readmes_python_runs(files, monkeypatch, photograph, painting, capsys):
    monkeypatch.chdir(files)
    photograph.save("photograph.jpg")
    painting.save("brush.jpg")
    (code,) = blocks(ROOT / "README.md", "python")
    code = code.replace("size=256", "size=64")  # the same, sooner
    exec(compile(code, "README.md", "exec"), {})
    assert (files / "out.png").is_file()
    assert capsys.readouterr().out.count("\n") > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.slow
def test_the_readme_runs_from_top_to_bottom(tmp_path):
    """Its commands in a clean clone, with Python and make alone."""
    script = "set -e\n" + "".join(blocks(ROOT / "README.md", "sh"))
    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "velatura"], check=True)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path / "velatura",
        env={"HOME": str(tmp_path), "PATH": "/usr/local/bin:/usr/bin:/bin"} | _index(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name in ("out.png", "quick.png", "fast.png", "large.png", "duplicates.html"):
        assert (tmp_path / "velatura" / name).is_file(), name


def _index() -> dict[str, str]:
    """Where this machine gets packages from."""
    return {
        name: value for name, value in os.environ.items() if name.startswith(("PIP_", "PYTHON"))
    }
