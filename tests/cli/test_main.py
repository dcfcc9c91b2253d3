import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import velatura as package

ACTIVE = {"OMP_WAIT_POLICY": "ACTIVE"}


def test_help_names_every_command_and_loads_no_torch(velatura):
    done = velatura("--help")
    assert done.returncode == 0
    for command in ("stylize", "demo", "show-settings", "doctor", "completion"):
        assert command in done.stdout
    code = (
        "import sys, velatura, velatura.cli.main as m; m.build_parser();"
        "assert 'torch' not in sys.modules and 'PIL' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_is_the_same_where_python_drops_docstrings(velatura, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in (["--help"], ["upscale", "train", "--help"]):
        done = subprocess.run(
            [sys.executable, "-OO", "-m", "velatura", *arguments], capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (0, velatura(*arguments).stdout), done.stderr


def test_a_command_imports_itself_and_no_other():
    code = (
        "import sys; from velatura.cli.main import main; code = main(['fast', 'list']);"
        "assert not {'torch', 'velatura.cli.stylize', 'velatura.cli.demo'} & {*sys.modules};"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "starry_night" in done.stdout


def test_version(velatura):
    assert velatura("--version").stdout == f"velatura {package.__version__}\n"


def test_no_command_is_one_line_and_exit_code_2(velatura):
    done = velatura()
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("stylise", "a", "b"), "stylize"),
        (("stylize", "a", "b", "-o", "c.png", "--sise", "300"), "--size"),
        (("stylize", "a", "b", "-o", "c.png", "--sise=300"), "--size"),
        (("stylize", "a", "b", "-o", "c.png", "--colors", "contentmatch"), "content-match"),
        (("fast", "trian"), "train"),
    ],
)
def test_what_was_meant_is_asked(velatura, arguments, meant):
    done = velatura(*arguments)
    assert done.returncode == 2
    assert f"did you mean {meant}?" in done.stderr
    assert done.stderr.count("\n") == 1


def test_samples_are_written_and_nothing_else_is_touched(velatura, tmp_path):
    for _ in range(2):
        done = velatura("samples", str(tmp_path / "new"))
        assert done.returncode == 0, done.stderr
        for name in done.stdout.splitlines():
            with Image.open(name) as image:
                assert min(image.size) > 100
    assert len(list((tmp_path / "new").iterdir())) == 3
    (tmp_path / "brush.jpg").write_text("mine")
    done = velatura("samples", str(tmp_path))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert [path.name for path in tmp_path.glob("*.jpg")] == ["brush.jpg"]
    assert (tmp_path / "brush.jpg").read_text() == "mine"


def test_every_public_name_is_there():
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="wobble"):
        _ = package.wobble


def test_doctor_reports_weights_and_devices(velatura):
    done = velatura("doctor", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["weights embedded"] == "found"
    assert found["velatura"] == package.__version__
    assert isinstance(found["bf16"], bool)
    assert "torch:" in velatura("doctor").stdout


@pytest.mark.skipif(sys.platform != "linux", reason="GNU OpenMP comes with PyTorch on Linux")
@pytest.mark.parametrize(
    ("given", "spins"), [({}, "2000"), ({"GOMP_SPINCOUNT": "7"}, "7"), (ACTIVE, "30000000000")]
)
def test_beside_another_program_threads_wait_asleep_unless_told_otherwise(
    velatura, monkeypatch, given, spins
):
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OMP_DISPLAY_ENV", "VERBOSE")  # GNU OpenMP says what it goes by
    velatura.start_python("while True: pass")
    _, said = velatura.start("doctor").communicate()
    assert f"GOMP_SPINCOUNT = '{spins}'" in said


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_knows_the_options(velatura, shell):
    done = velatura("completion", shell)
    assert done.returncode == 0
    assert "--style-layers" in done.stdout


def test_show_settings_of_another_picture_is_one_line(velatura):
    done = velatura("show-settings", "photo.png")
    assert done.returncode == 2
    assert done.stderr == "velatura: photo.png: holds no settings of Velatura\n"


@pytest.mark.parametrize("style", ["brush", "collage"])
def test_demo_paints_the_samples_and_a_sheet(velatura, style):
    done = velatura("demo", "--size", "64", "--style", style, "-o", "demo.png")
    assert done.returncode == 0, done.stderr
    with Image.open(velatura.folder / "demo.png") as picture:
        assert picture.size == (64, 48)
    with Image.open(velatura.folder / "demo-sheet.png") as sheet:
        assert sheet.height == 48
        assert sheet.width > 3 * 48
    paths = [Path(line.split(": ", 1)[1].strip()) for line in done.stdout.splitlines()[:2]]
    assert all(path.is_file() for path in paths)


def test_out_of_memory_is_one_line(velatura, monkeypatch):
    def doctor(arguments):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("velatura.cli.doctor.run", doctor)
    done = velatura("doctor")
    assert done.returncode == 2
    assert done.stderr.startswith("velatura: out of memory (DefaultCPUAllocator")
    assert done.stderr.count("\n") == 1


def test_a_fault_of_the_programs_own_is_not_hidden(velatura, monkeypatch):
    def doctor(arguments):
        raise RuntimeError("a fault")

    monkeypatch.setattr("velatura.cli.doctor.run", doctor)
    with pytest.raises(RuntimeError, match="a fault"):
        velatura("doctor")
