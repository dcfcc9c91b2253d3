import errno
import os
import subprocess
import sys
import time

import pytest

from velatura import files
from velatura.errors import FileError
from velatura.files import Claims, atomic_path, check_place


def write(path, text="new"):
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("problem", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
def test_what_ends_badly_leaves_the_old_file_and_no_other(tmp_path, problem):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            (temporary.parent / ".tmpAbC123").write_text("a library's own")
            raise problem

    with pytest.raises((KeyboardInterrupt, FileError)):
        fail()
    assert path.read_text() == "old"
    assert names(tmp_path) == {"a.txt"}


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "target.txt", tmp_path / "link.txt"
    link.symlink_to(target)
    for text in ("made", "replaced"):
        write(link, text)
        assert link.is_symlink()
        assert target.read_text() == text
    assert names(tmp_path / "elsewhere") == {"target.txt"}


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_rights_of_a_file_are_kept(tmp_path, mode):
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(mode)
    write(path)
    assert path.stat().st_mode & 0o777 == mode
    assert path.read_text() == "new"


def test_a_new_file_has_the_usual_rights(tmp_path):
    (tmp_path / "usual").touch()

    def private(path):
        with atomic_path(path) as temporary:
            temporary.unlink()
            temporary.touch(0o600)  # as safetensors does

    private(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "usual").stat().st_mode


def _read_only_file(folder):
    (folder / "a.txt").write_text("old")
    (folder / "a.txt").chmod(0o444)
    return folder / "a.txt"


def _in_a_read_only_folder(folder):
    (folder / "b").mkdir(mode=0o555)
    return folder / "b" / "a.txt"


def _folder(folder):
    (folder / "a.txt").mkdir()
    return folder / "a.txt"


def _pipe(folder):
    os.mkfifo(folder / "a.txt")
    return folder / "a.txt"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (_read_only_file, "the file is read-only"),
        (_in_a_read_only_folder, "its folder is read-only"),
        (_folder, "got a folder"),
        (_pipe, "got a device or pipe"),
        (lambda folder: folder / "none" / "a.txt", "none does not exist"),
        (lambda folder: folder / ("a" * 300), "too long"),
    ],
)
def test_what_cannot_be_written_is_told_before_and_after(tmp_path, place, message):
    """Also to an administrator, whom the system would let do it."""
    path = place(tmp_path)
    for refuse in (check_place, write):
        with pytest.raises(FileError, match=message) as caught:
            refuse(path)
        assert "\n" not in str(caught.value)


def test_text_is_added_or_begun_anew(tmp_path):
    path = tmp_path / "log"
    files.append(path, "1\n")
    files.append(path, "2\n")
    assert path.read_text() == "1\n2\n"
    files.append(path, "3\n", anew=True)
    assert path.read_text() == "3\n"
    with pytest.raises(FileError, match=r"/dev/full: cannot be written .*No space left on device"):
        files.append(files.Path("/dev/full"), "4\n")


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path):
    code = (
        "import os, signal, sys; from velatura.files import *\n"
        "with atomic_path(Path(sys.argv[1])) as temporary:\n"
        "    temporary.with_name('.tmpAbC123').touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.txt")], check=False)
    assert killed.returncode == -9
    (left,) = names(tmp_path)
    assert left.startswith(".velatura-")
    alive = left.replace(left.split("-")[2], str(os.getppid()))
    foreign = left.replace(left.split("-")[1], "00000000")  # of another machine
    old = foreign.replace("0-", "1-", 1)
    others = {".velatura-notes", ".tmpXyZ789", alive, foreign}
    for name in (*others, old):
        (tmp_path / name).mkdir()
    long_ago = time.time() - 2 * files.SECONDS_KEPT
    os.utime(tmp_path / old, (long_ago, long_ago))
    write(tmp_path / "b.txt")
    assert names(tmp_path) == {*others, "b.txt"}


def test_free_names_are_numbered(tmp_path):
    assert files.free(tmp_path / "a.png") == tmp_path / "a.png"
    (tmp_path / "a.png").touch()
    (tmp_path / "a-2.png").symlink_to("nowhere")
    assert files.free(tmp_path / "a.png") == tmp_path / "a-3.png"


@pytest.fixture
def places(tmp_path):
    """A file under several names."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.png").write_text("a")
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "hard.png").hardlink_to(tmp_path / "a.png")
    (tmp_path / "way").symlink_to("folder")
    return tmp_path


SAME = [
    ("a.png", "a.png"),
    ("a.png", "folder/../a.png"),
    ("a.png", "link.png"),
    ("a.png", "hard.png"),
    ("folder/none.png", "way/none.png"),
    ("none.png", "./none.png"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_an_output_is_no_input_and_no_other_output(places, one, other):
    one, other = places / one, files.Path(f"{places}/{other}")
    for first, second in ((one, other), (other, one)):
        claims = Claims()
        claims.read(first)
        with pytest.raises(FileError, match="would be overwritten, it is an input"):
            claims.write(second)
        claims = Claims()
        claims.write(first)
        with pytest.raises(FileError, match="would be overwritten, it is an input"):
            claims.read(second)
        with pytest.raises(FileError, match="another name for each output"):
            claims.write(second)


def test_what_is_read_in_a_folder_is_an_input_too(places):
    (places / "folder" / "deep").mkdir()
    (places / "folder" / "deep" / "x.png").touch()
    (places / "folder" / "report.html").touch()
    claims = Claims()
    claims.read_folder(places / "way", (".png",))
    claims.write(places / "folder" / "report.html", places / "folder" / "new.png")
    with pytest.raises(FileError, match=r"x\.png: would be overwritten, it is an input \(.*folder"):
        claims.write(places / "folder" / "deep" / "x.png")


def test_many_may_read_one_file_and_folders_and_devices_are_nobodys(places):
    claims = Claims()
    claims.read(places / "a.png", places / "link.png", places / "folder")
    claims.write(places / "folder", files.Path("/dev/null"))
    claims.write(files.Path("/dev/null"), places / "folder" / "a.png")
