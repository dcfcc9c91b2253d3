"""Upscale: a picture two, three or four times as large."""

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

from velatura.errors import ImageError, VelaturaError
from velatura.images.io import read, to_pil, write
from velatura.studio import views
from velatura.studio.folder import MOST_PIXELS, Folder
from velatura.studio.jobs import Job, Queue, Standing
from velatura.studio.models import ModelField
from velatura.studio.pages.controls import QUIET, Controls, follow, text_to_copy
from velatura.studio.pictures import photograph_field, shelf_field, thumbnails
from velatura.superres.models import REGISTRY
from velatura.superres.options import SCALES
from velatura.superres.upscaler import Upscaler
from velatura.training.modelfile import read_card
from velatura.version import __version__

COMPARED = (1200, 900)  # pixels of the result's middle, at most


class Finished(NamedTuple):
    """A picture that was enlarged, and its middle beside that of a plain enlargement."""

    picture: Path
    size: tuple[int, int]  # width and height
    plain: Image.Image
    middle: Image.Image


class UpscalePage:
    """The page and what its parts do. `settings_of` fills it from a finished picture."""

    def __init__(self, folder: Folder, queue: Queue) -> None:
        self.folder = folder
        with gr.Row(equal_height=False):
            with gr.Column(scale=4, min_width=300):
                self.photograph = photograph_field("Picture", "upscale-photograph")
                self.at_hand = shelf_field("Photographs at hand", "upscale-at-hand")
                self.model = ModelField(folder, REGISTRY, "upscale")
                self.scale = gr.Radio(
                    list(SCALES),
                    value=SCALES[-1],
                    label="scale",
                    info="how many times",
                    elem_id="upscale-scale",
                )
            with gr.Column(scale=6, min_width=300):
                self.controls = Controls(folder, queue, "upscale", "Enlarge")
                gr.HTML('<p class="caption">The middle: plainly enlarged, and by the model</p>')
                self.compare = gr.ImageSlider(
                    label="plainly enlarged, and by the model",
                    show_label=False,
                    interactive=False,
                    type="filepath",
                    format="jpeg",
                    buttons=["fullscreen"],
                    elem_id="upscale-compare",
                    elem_classes="easel",
                )
                self.download = gr.DownloadButton(
                    "Download the picture, settings inside",
                    interactive=False,
                    elem_id="upscale-download",
                )
                self.command = text_to_copy("The same at the command line", "upscale-command", 2)
        self._connect()

    def _connect(self) -> None:
        form: list[Any] = [self.photograph, self.model.choice, self.scale]
        self.form = [self.controls.status, *form]
        raw: dict[str, Any] = QUIET | {"preprocess": False}
        self.controls.start.click(
            self._enlarge,
            form,
            [*self.controls.parts, self.compare, self.download],
            concurrency_limit=None,
            **raw,
        )
        self.photograph.upload(
            self._check, self.photograph, [self.photograph, self.controls.status], **raw
        )
        self.at_hand.select(self._take, None, self.photograph, **QUIET)
        self.model.connect(self.controls.status, **QUIET)
        follow(form, self._command, self.command)

    def choices(self) -> list[Any]:
        """What the shelf and the list of models show; for their components, in this order."""
        return [thumbnails(self.folder.at_hand("photographs")), self.model.choices()]

    def _enlarge(
        self, request: gr.Request, photograph: Any, model: Any, scale: Any
    ) -> Iterator[dict[Any, Any]]:
        yield from self.controls.run(
            request, lambda: self._enlarging(photograph, model, scale), self._ended
        )

    def _enlarging(self, photograph: Any, model: Any, scale: Any) -> Callable[[Job], Finished]:
        """The work of enlarging; it shows a Standing and returns a Finished."""
        if not photograph:
            raise VelaturaError("Choose a picture first.")
        name, folder = self.model.check(model), self.folder
        source = folder.take(photograph, "photographs")
        file = folder.models(REGISTRY).get(name)
        if file is None or scale not in SCALES:
            raise VelaturaError(f"expected a model and a scale of the lists, got {name!r}, {scale}")
        with Image.open(source) as image:
            width, height = image.size
        if width * height * scale**2 > MOST_PIXELS:
            raise ImageError(
                f"{source.name}: expected at most {MOST_PIXELS / 1e6:.0f} million pixels when "
                f"enlarged, got {width * scale}×{height * scale}; `velatura upscale` has no limit"
            )
        settings = {"velatura": __version__, "content": source.name, "model": name, "scale": scale}
        settings["upscale"] = read_card(file)
        entry = folder.begin(source, [Path(f"x{scale}")])

        def work(job: Job) -> Finished:
            try:
                job.show(Standing("Enlarging", 0.0))
                upscaler = Upscaler(str(file), scale)
                large = upscaler.upscale(source, lambda done: job.show(Standing("Enlarging", done)))
                write(entry.picture, large, settings)
            finally:
                entry.note.unlink(missing_ok=True)
            return Finished(entry.picture, large.size, *_middles(source, large))

        return work

    def _ended(self, finished: Finished) -> dict[Any, Any]:
        width, height = finished.size
        text = f"Done, {width}×{height}: {finished.picture.name}"
        return {
            self.controls.status: views.status(text, done=1.0),
            self.compare: (finished.plain, finished.middle),
            self.download: gr.DownloadButton(value=str(finished.picture), interactive=True),
        }

    def _command(self, photograph: Any, model: Any, scale: Any) -> str:
        name = Path(photograph["path"]).name if photograph else "photo.jpg"
        words = ["velatura", "upscale", name, "-o", "out.png"]
        words += ["--scale", str(scale)] if scale != SCALES[-1] else []
        words += ["--model", model] if model and model != "faithful" else []
        return shlex.join(words)

    def _check(self, photograph: Any) -> tuple[Any, str]:
        try:
            self.folder.accept(photograph)
        except VelaturaError as error:
            return None, self.controls.wrong(error)
        return gr.skip(), views.status("Ready.")

    def _take(self, chosen: gr.SelectData) -> str | None:
        path = self.folder.find(str(chosen.value["caption"]), "photographs")
        return str(path) if path else None

    def settings_of(self, name: str) -> dict[Any, Any]:
        """What the page holds to make the finished picture `name` again. Raises VelaturaError."""
        settings = self.folder.settings(name)
        photograph = self.folder.find(str(settings["content"]), "photographs")
        model = settings["model"] if settings["model"] in self.folder.models(REGISTRY) else None
        missing = [] if photograph else [settings["content"]]
        missing += [] if model else [settings["model"]]
        text = f"As {name}."
        if missing:
            text += f" Not at hand any more: {', '.join(map(str, missing))}"
        return {
            self.photograph: str(photograph) if photograph else None,
            self.model.choice: model,
            self.scale: settings["scale"],
            self.controls.status: views.status(text, wrong=bool(missing)),
        }


def _middles(source: Path, large: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The middle of the picture enlarged plainly, and of `large`."""
    plain = to_pil(read(source).pixels).resize(large.size, Image.Resampling.BICUBIC)
    width, height = (min(side, most) for side, most in zip(large.size, COMPARED, strict=True))
    left, top = (large.width - width) // 2, (large.height - height) // 2
    box = (left, top, left + width, top + height)
    return plain.crop(box), large.convert("RGB").crop(box)
