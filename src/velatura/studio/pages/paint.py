"""Paint: a photograph, paintings and dials in, and the picture appears."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from velatura.errors import VelaturaError
from velatura.images.io import read, to_pil
from velatura.images.resize import resize
from velatura.painting.config import StyleConfig
from velatura.painting.engine import Step
from velatura.painting.recipes import RECIPES
from velatura.perception.losses import by_kind
from velatura.studio import fields, views
from velatura.studio.folder import Folder
from velatura.studio.jobs import Job, Queue
from velatura.studio.pages.controls import QUIET, follow, text_to_copy
from velatura.studio.painting import Finished, Order, going_on, painting
from velatura.studio.pictures import (
    check_pictures,
    photograph_field,
    pictures_field,
    several,
    shelf_field,
    thumbnails,
    with_another,
)

DIALS = ("strength", "stroke_size", "colors", "size", "max_seconds")
MASKS = ("mask", "style_mask")
NOT_HERE = ("weights", "updates")  # files outside the work folder, or a download
LABELS = {"max_seconds": "time limit"}
SECONDS_BETWEEN_PREVIEWS = 0.3
NAMES = [entry.name for entry in dataclasses.fields(StyleConfig) if entry.name not in NOT_HERE]


class PaintPage:
    """The page and what its parts do. `settings_of` fills it from a finished picture."""

    def __init__(self, folder: Folder, queue: Queue) -> None:
        self.folder, self.queue = folder, queue
        with gr.Row(equal_height=False):
            with gr.Column(scale=4, min_width=300):
                self._draw_form()
            with gr.Column(scale=6, min_width=300):
                self._draw_easel()
        self._connect()

    def _draw_form(self) -> None:
        self.photograph = photograph_field("Photograph")
        self.photographs = shelf_field("Photographs at hand")
        self.paintings = pictures_field("Painting, one or more", "paintings")
        self.paintings_at_hand = shelf_field("Paintings at hand")
        self.recipe = gr.Dropdown(
            choices=list(RECIPES),
            value="default",
            label="recipe",
            info="settings to begin with, each after a source",
            filterable=False,
            elem_id="recipe",
        )
        self.fields = {name: self._field(name) for name in DIALS}
        with gr.Accordion("Everything else", open=False, elem_id="everything"):
            for name in NAMES:
                if name not in DIALS:
                    self.fields[name] = self._field(name)
        self.fields = {name: self.fields[name] for name in NAMES}

    def _field(self, name: str) -> Any:
        if name in MASKS:
            help_text = {e.name: e.metadata["help"] for e in dataclasses.fields(StyleConfig)}[name]
            return gr.File(
                label=f"{name.replace('_', ' ')}: {help_text}",
                file_count="multiple",
                file_types=["image"],
                height=120,
                elem_id=f"option-{name}",
            )
        return fields.field(
            StyleConfig,
            name,
            label=LABELS.get(name, ""),
        )

    def _draw_easel(self) -> None:
        with gr.Row(elem_classes="actions"):
            self.start = gr.Button("Paint", variant="primary", elem_id="paint", min_width=90)
            self.stop = gr.Button("Stop", interactive=False, elem_id="stop", min_width=90)
            self.on = gr.Button("Go on", interactive=False, elem_id="go-on", min_width=90)
        self.status = gr.HTML(views.status("Ready."), elem_id="status")
        with gr.Tabs():
            with gr.Tab("Picture", id="picture"):
                self.preview = gr.HTML(views.EMPTY, elem_id="preview")
            with gr.Tab("Before and after", id="compare"):
                self.compare = gr.ImageSlider(
                    label="photograph and picture",
                    show_label=False,
                    interactive=False,
                    type="filepath",
                    format="jpeg",
                    buttons=["fullscreen"],
                    elem_id="compare",
                    elem_classes="easel",
                )
        self.losses = gr.HTML(views.NO_LOSSES, elem_id="losses")
        self.download = gr.DownloadButton(
            "Download the picture, settings inside", interactive=False, elem_id="download"
        )
        self.command = text_to_copy("The same at the command line", "command")
        self.finished = gr.State(None)

    def _connect(self) -> None:
        form = [self.photograph, self.paintings, self.recipe, *self.fields.values()]
        self.form = [self.status, *form]
        outputs = [
            *(self.start, self.stop, self.on, self.status, self.preview, self.compare),
            *(self.losses, self.download, self.finished, self.photographs, self.paintings_at_hand),
        ]
        painted: dict[str, Any] = QUIET | {"concurrency_limit": None, "preprocess": False}
        self.start.click(self._paint, [self.finished, *form], outputs, **painted)
        self.on.click(self._go_on, [self.finished, *form], outputs, **painted)
        self.stop.click(self._stop, None, self.stop, queue=False, **QUIET)
        self.photograph.upload(
            self._check_photograph,
            self.photograph,
            [self.photograph, self.status],
            preprocess=False,
            **QUIET,
        )
        self.paintings.upload(
            self._check_paintings,
            self.paintings,
            [self.paintings, self.status],
            preprocess=False,
            **QUIET,
        )
        self.photographs.select(self._take_photograph, None, self.photograph, **QUIET)
        self.paintings_at_hand.select(
            self._take_painting, self.paintings, self.paintings, preprocess=False, **QUIET
        )
        chosen = self.recipe.input(
            self._settings_of_recipe, self.recipe, [*self.fields.values()], **QUIET
        )
        follow(form, self._command, self.command, filled=[chosen])

    def at_hand(self) -> list[Any]:
        """What the two shelves show; for their components, in this order."""
        return [thumbnails(self.folder.at_hand(name)) for name in ("photographs", "paintings")]

    def _paint(
        self, request: gr.Request, finished: Finished | None, *form: Any
    ) -> Iterator[dict[Any, Any]]:
        yield from self._watch(request, finished, form, on=False)

    def _go_on(
        self, request: gr.Request, finished: Finished | None, *form: Any
    ) -> Iterator[dict[Any, Any]]:
        yield from self._watch(request, finished, form, on=True)

    def _watch(
        self, request: gr.Request, finished: Finished | None, form: tuple[Any, ...], on: bool
    ) -> Iterator[dict[Any, Any]]:
        """Paint, `on` from the finished picture or anew, and yield what changes on the page."""
        photograph, paintings, _, *values = form
        try:
            order = self._order(photograph, paintings, values)
            if on and finished:
                order = order._replace(config=going_on(order.config, finished))
            work = painting(order, self.folder, self.queue.at_once)
        except VelaturaError as error:
            yield {self.status: self._wrong(error)}
            return
        job = self.queue.add(str(request.session_hash), work)
        yield {
            self.start: gr.Button(interactive=False),
            self.stop: gr.Button(interactive=True),
            self.on: gr.Button(interactive=False),
            self.losses: views.NO_LOSSES,
            self.status: views.status("Looking at the pictures …"),
        }
        yield from self._steps(job)
        yield self._end(job, order, finished)

    def _steps(self, job: Job) -> Iterator[dict[Any, Any]]:
        history: list[dict[str, float]] = []
        shown: Step | None = None
        place = 0
        while job.wait(SECONDS_BETWEEN_PREVIEWS):
            if (now := self.queue.position(job)) != place:
                place = now
                text = f"Waiting: number {place} in the queue" if place else "Looking …"
                yield {self.status: views.status(text)}
            step = job.news
            if step is None or step is shown:
                continue
            shown = step
            history.append(by_kind(step.terms))
            yield {
                self.preview: views.preview(step),
                self.status: views.standing(step),
                self.losses: views.curve(history),
            }

    def _end(self, job: Job, order: Order, before: Finished | None) -> dict[Any, Any]:
        finished: Finished | None = job.result
        changes: dict[Any, Any] = {
            self.start: gr.Button(interactive=True),
            self.stop: gr.Button(interactive=False),
            self.on: gr.Button(interactive=bool(finished or before)),
        }
        photographs, paintings = self.at_hand()
        changes |= {self.photographs: photographs, self.paintings_at_hand: paintings}
        if finished is None:
            text = job.error or "Stopped before there was a picture."
            return changes | {self.status: self._wrong(text)}
        how = "Done" if finished.step == finished.total else f"Stopped after step {finished.step}"
        text = f"{how}, {finished.seconds:.0f} s: {finished.picture.name}"
        picture = to_pil(read(finished.picture).pixels)
        size = (picture.height, picture.width)
        photograph = to_pil(resize(read(order.photograph).pixels, size))
        return changes | {
            self.status: views.status(text, done=1.0),
            self.preview: views.easel(picture, finished.picture.name),
            self.compare: (photograph, picture),
            self.download: gr.DownloadButton(value=str(finished.picture), interactive=True),
            self.finished: finished,
        }

    def _stop(self, request: gr.Request) -> Any:
        self.queue.stop(str(request.session_hash))
        return gr.Button(interactive=False)

    def _order(self, photograph: Any, paintings: Any, values: list[Any]) -> Order:
        """What the form holds, its images put on the shelves. Raises VelaturaError."""
        if not photograph:
            raise VelaturaError("Choose a photograph first.")
        if not paintings:
            raise VelaturaError("Choose a painting first.")
        held = dict(zip(self.fields, values, strict=True))
        for name in MASKS:
            kept = [self.folder.take(file, "masks").name for file in held[name] or []]
            held[name] = ",".join(kept)
        config = fields.read(StyleConfig, held)
        content = self.folder.take(photograph, "photographs")
        styles = [self.folder.take(file, "paintings") for file in several(paintings)]
        return Order(content, styles, config)

    def _command(self, photograph: Any, paintings: Any, recipe: str, *values: Any) -> str:
        """The command line, or what is wrong with the form."""
        held = dict(zip(self.fields, values, strict=True))
        for name in MASKS:
            held[name] = ",".join(Path(file["path"]).name for file in held[name] or [])
        try:
            config = fields.read(StyleConfig, held)
        except VelaturaError as error:
            return str(error)
        names = [Path(file["path"]).name for file in several(paintings)] or ["painting.jpg"]
        content = Path(photograph["path"]).name if photograph else "photo.jpg"
        return fields.command(recipe, config, content, names)

    def _check_photograph(self, photograph: Any) -> tuple[Any, str]:
        try:
            self.folder.accept(photograph)
        except VelaturaError as error:
            return None, self._wrong(error)
        return gr.skip(), views.status("Ready.")

    def _check_paintings(self, paintings: Any) -> tuple[Any, str]:
        return check_pictures(self.folder, paintings)

    def _take_photograph(self, chosen: gr.SelectData) -> str | None:
        path = self.folder.find(str(chosen.value["caption"]), "photographs")
        return str(path) if path else None

    def _take_painting(self, paintings: Any, chosen: gr.SelectData) -> list[str]:
        return with_another(self.folder, paintings, "paintings", chosen)

    def _settings_of_recipe(self, recipe: str) -> list[Any]:
        return self._shown(RECIPES[recipe].config)

    def _shown(self, config: StyleConfig) -> list[Any]:
        """What the fields hold for `config`."""
        return [
            None if name in MASKS else fields.shown(getattr(config, name)) for name in self.fields
        ]

    def settings_of(self, name: str) -> dict[Any, Any]:
        """What the page holds to make the finished picture `name` again. Raises VelaturaError."""
        settings = self.folder.settings(name)
        config = StyleConfig.from_dict(settings["config"])
        photograph = self.folder.find(str(settings["content"]), "photographs")
        found = [self.folder.find(str(style), "paintings") for style in settings["styles"]]
        changes = dict(zip(self.fields.values(), self._shown(config), strict=True))
        for mask in MASKS:
            paths = [self.folder.find(name, "masks") for name in getattr(config, mask)]
            changes[self.fields[mask]] = [str(path) for path in paths if path] or None
        missing = [] if photograph else [settings["content"]]
        missing += [
            style for style, path in zip(settings["styles"], found, strict=True) if not path
        ]
        text = f"As {name}."
        if missing:
            text += f" Not at hand any more: {', '.join(map(str, missing))}"
        return changes | {
            self.recipe: "default",
            self.photograph: str(photograph) if photograph else None,
            self.paintings: [str(path) for path in found if path],
            self.status: views.status(text, wrong=bool(missing)),
        }

    def _wrong(self, error: Exception | str) -> str:
        return views.status(self.folder.without_paths(str(error)), wrong=True)
