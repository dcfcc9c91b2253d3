import threading

import pytest

from velatura.errors import ConfigError, ImageError
from velatura.images.io import read_settings
from velatura.painting.config import StyleConfig
from velatura.studio import painting as module
from velatura.studio.jobs import Job
from velatura.studio.painting import Finished, Order, going_on, painting


@pytest.fixture
def order(folder, files):
    paths = [folder.keep(files / name, "photographs") for name in ("photo.png", "painting.png")]
    return Order(paths[0], paths[1:], StyleConfig(steps=(3,), size=64))


def run(order, folder, at_once=1):
    job = Job(painting(order, folder, at_once))
    return watched(job)


def watched(job):
    """Run a job while somebody looks."""
    thread = threading.Thread(target=job.run)
    thread.start()
    while job.wait(0.01):
        pass
    thread.join()
    return job


def test_it_paints_and_leaves_no_note(order, folder):
    job = run(order, folder)
    assert not job.error
    assert job.result == Finished(
        folder.pictures / "photo-painting.png", 3, 3, job.result.seconds, True
    )
    settings = read_settings(job.result.picture)
    assert StyleConfig.from_dict(settings["config"]) == order.config
    assert (settings["content"], settings["styles"]) == ("photo.png", ["painting.png"])
    assert not list(folder.running.glob("*.json"))


def test_stopped_it_keeps_the_picture_and_stopped_early_nothing(order, folder):
    job = Job(painting(order, folder, 1))
    wait = job.show

    def stop_after_the_first(news=None):
        if news is not None:
            job.stop()
        wait(news)

    job.show = stop_after_the_first
    watched(job)
    assert (job.result.step, job.error) == (1, "")
    assert job.result.picture.is_file()

    early = Job(painting(order, folder, 1))
    early.stop()
    watched(early)
    assert (early.result, early.error) == (None, "")
    assert not list(folder.running.glob("*.json"))


def test_going_on_begins_with_the_picture(order, folder):
    before = run(order, folder).result
    config = going_on(StyleConfig(size=64), before)
    assert (config.init, config.single_scale) == ("photo-painting.png", True)
    again = run(order._replace(config=going_on(order.config, before)), folder)
    assert again.result.picture.name == "photo-painting-2.png"
    half = going_on(order.config, before._replace(whole=False))
    assert not half.single_scale


def test_paintings_at_once_share_the_memory(order, folder, monkeypatch):
    limits = []

    def nothing(content, styles, config, **images):
        limits.append(config.memory)
        return iter(())

    monkeypatch.setattr("velatura.session.session.transfer", nothing)
    monkeypatch.setattr(module, "limit_bytes", lambda text, device: 8e9 if text == "auto" else 3e9)
    for memory, at_once in (("auto", 1), ("auto", 4), ("3GB", 1), ("3GB", 4)):
        config = StyleConfig(memory=memory)
        assert run(order._replace(config=config), folder, at_once).error
    assert limits == ["8000MB", "2000MB", "3000MB", "2000MB"]


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"init": "/etc/passwd"}, ImageError),
        ({"mask": ("../photo.png",)}, ImageError),
        ({"weights": "torchvision"}, ConfigError),
        ({"blend": (1.0, 2.0)}, ConfigError),
    ],
    ids=str,
)
def test_what_lies_elsewhere_is_refused_before_it_is_queued(order, folder, options, kind):
    with pytest.raises(kind, match="expected"):
        painting(order._replace(config=StyleConfig(**options)), folder, 1)
    assert not list(folder.running.glob("*.json"))
