import numpy as np
import pytest
from PIL import Image
from tests.studio.test_painting import watched

from velatura.errors import ConfigError, ImageError, WeightsError
from velatura.fast.network import StyleNetwork
from velatura.fast.options import PaintOptions
from velatura.fast.painter import Painter
from velatura.fast.styles import REGISTRY
from velatura.images.io import read_settings
from velatura.studio.folder import Folder
from velatura.studio.jobs import Job
from velatura.studio.one_pass import Order, forget, mixing, painting


@pytest.fixture
def folder(tmp_path, style):
    made = Folder(tmp_path / "work")
    made.keep_model(style, REGISTRY)
    yield made
    made.close()


@pytest.fixture
def order(folder, files):
    photographs = {name: files / name for name in ("photo.png", "painting.png")}
    return Order(photographs, "noise.safetensors", PaintOptions(size=48, precision="fp32"))


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def test_a_batch_is_painted_with_settings_and_leaves_no_note(order, folder):
    done = watched(Job(painting(order, folder)))
    assert not done.error
    names = ["photo-noise.png", "painting-noise.png"]
    assert [one.picture for one in done.result.painted] == [folder.pictures / n for n in names]
    settings = read_settings(folder.pictures / "photo-noise.png")
    assert settings.pop("fast")["painting"] == "Noise"
    del settings["velatura"]
    assert settings == {
        "content": "photo.png",
        "style": "noise.safetensors",
        "size": 48,
        "strength": 1.0,
        "colors": "style",
    }
    assert not list(folder.running.glob("*.json"))


@pytest.mark.parametrize("colors", ["style", "content-luminance"])
def test_mixing_gives_what_the_painter_gives_and_asks_no_network(
    order, folder, style, files, colors, monkeypatch
):
    options = PaintOptions(size=48, precision="fp32", colors=colors)
    wanted = Painter(str(style), 0.3, colors, precision="fp32").paint(files / "photo.png", 48)
    finished = watched(Job(painting(order._replace(options=options), folder))).result
    monkeypatch.delattr(StyleNetwork, "paint")
    for source in order.photographs.values():
        source.unlink()  # as shelves are cleared
    assert watched(Job(mixing(finished, 0.3))).result.strength == 0.3
    found = pixels(folder.pictures / "photo-noise.png")
    assert abs(found - np.asarray(wanted)).max() <= 1
    assert abs(found - pixels(finished.painted[0].full)).max() > 20
    assert read_settings(folder.pictures / "photo-noise.png")["strength"] == 0.3


def test_what_fails_is_named_and_the_rest_is_painted(order, folder, files):
    Image.new("RGB", (200, 9)).save(files / "narrow.png")
    photographs = {"narrow.png": files / "narrow.png", **order.photographs}
    done = watched(Job(painting(order._replace(photographs=photographs), folder))).result
    assert len(done.painted) == 2
    (wrong,) = done.wrong
    assert wrong.startswith("narrow.png: expected a photograph of at least 16 pixels a side")
    alone = order._replace(photographs={"narrow.png": files / "narrow.png"})
    assert "at least 16 pixels" in watched(Job(painting(alone, folder))).error
    assert not list(folder.running.glob("*.json"))


def test_stopped_it_keeps_what_is_done(order, folder):
    job = Job(painting(order, folder))
    show = job.show

    def stop_at_the_second(news=None):
        if news is not None and news.so_far:
            job.stop()
        show(news)

    job.show = stop_at_the_second
    watched(job)
    assert [one.content for one in job.result.painted] == ["photo.png"]
    assert [path.name for path in folder.finished()] == ["photo-noise.png"]
    early = Job(painting(order, folder))
    early.stop()
    watched(early)
    assert (early.result, early.error) == (None, "")
    assert not list(folder.running.glob("*.json"))


def test_a_killed_batch_names_all_that_is_lost(order, folder):
    painting(order, folder)
    folder.close()
    assert [text.split(",")[0] for text in Folder(folder.path).lost] == [
        "painting-noise (painting.png × noise.safetensors",
        "photo-noise (photo.png × noise.safetensors",
    ]


def test_what_was_kept_to_mix_from_can_be_forgotten(order, folder):
    finished = watched(Job(painting(order, folder))).result
    forget(finished)
    assert not finished.scratch.exists()
    assert finished.painted[0].picture.is_file()
    assert "found nothing" in watched(Job(mixing(finished, 0.5))).error


@pytest.mark.parametrize("name", ["nosuch", "../style.safetensors", "/etc/passwd", ""])
def test_styles_are_those_of_the_list(order, folder, name):
    assert "noise.safetensors" in folder.models(REGISTRY)
    with pytest.raises(ConfigError, match="style: expected one of the list"):
        painting(order._replace(style=name), folder)


def test_a_style_that_is_none_and_a_photograph_that_is_gone_are_told_at_once(order, folder, files):
    (folder.path / "styles" / "text.safetensors").write_text("no style")
    with pytest.raises(WeightsError, match="expected a model file"):
        painting(order._replace(style="text.safetensors"), folder)
    (files / "photo.png").unlink()
    with pytest.raises(ImageError, match=r"photo\.png: cannot be read"):
        painting(order, folder)
