from PIL import Image

OPTIONS = ("--steps", "2", "--size", "64", "--quiet")
SHEET = ("sheet", "photo.png", "painting.png", *OPTIONS)


def test_a_row_a_style_and_a_column_a_value(velatura):
    styles = ("painting.png", "photo.png")
    sweep = ("--sweep", "content-weight=0.2,1,5")
    done = velatura("sheet", "photo.png", *styles, *OPTIONS, "-o", "sheet.png", *sweep)
    assert done.returncode == 0, done.stderr
    with Image.open(velatura.folder / "sheet.png") as sheet:
        assert sheet.width > 3 * 64
        assert sheet.height > 2 * 43
        assert len(sheet.getcolors(1 << 24)) > 1000


def test_lists_are_swept_apart_by_semicolons(velatura):
    done = velatura(
        *SHEET, "-o", "sheet.png", "--sweep", "style-layers=relu1_1=1;relu2_1=1,relu3_1=1"
    )
    assert done.returncode == 0, done.stderr
    with Image.open(velatura.folder / "sheet.png") as sheet:
        assert 2.5 * 64 < sheet.width < 3.5 * 64  # two pictures and the style's name
        columns = [sheet.crop((right - 60, 40, right - 10, 70)) for right in (sheet.width, 134)]
        assert all(len(column.getcolors(1 << 24)) > 100 for column in columns)
        assert columns[0].tobytes() != columns[1].tobytes()


def test_without_a_sweep_there_is_one_column(velatura):
    assert velatura(*SHEET, "-o", "sheet.png").returncode == 0
    with Image.open(velatura.folder / "sheet.png") as sheet:
        assert 64 < sheet.width < 2.5 * 64


def test_a_wrong_sweep_is_one_line(velatura):
    for sweep, told in (
        ("wobble=1,2", "expected an option"),
        ("content-weight", "expected an option"),
        ("content-weight=1,much", "cannot read the values"),
        ("content-weight=1,-2", "content-weight: expected"),
        ("pooling=max,median", "pooling: expected"),
    ):
        done = velatura(*SHEET, "-o", "sheet.png", "--sweep", sweep)
        assert done.returncode == 2, sweep
        assert told in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (velatura.folder / "sheet.png").exists()


def test_a_style_that_fails_has_no_row_and_is_named(velatura):
    (velatura.folder / "broken.png").write_bytes(b"no picture")
    done = velatura("sheet", "photo.png", "broken.png", "painting.png", *OPTIONS, "-o", "s.png")
    assert done.returncode == 2
    assert "velatura: broken.png: expected an image" in done.stderr
    assert "1 of 2 styles failed" in done.stderr
    with Image.open(velatura.folder / "s.png") as sheet:
        assert sheet.height < 2 * 43
    done = velatura("sheet", "photo.png", "broken.png", *OPTIONS, "-o", "none.png")
    assert done.returncode == 2
    assert not (velatura.folder / "none.png").exists()
