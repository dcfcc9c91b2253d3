"""In one pass: photographs painted by a style network, and mixed with what it painted."""

import dataclasses
import shlex
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from velatura.errors import ConfigError, VelaturaError
from velatura.fast.options import PaintOptions
from velatura.fast.styles import REGISTRY
from velatura.images.io import read, to_pil
from velatura.images.resize import resize
from velatura.studio import fields, views
from velatura.studio.folder import Folder
from velatura.studio.jobs import Job, Queue
from velatura.studio.models import ModelField
from velatura.studio.one_pass import Finished, Order, Painted, forget, mixing, painting
from velatura.studio.pages.controls import QUIET, Controls, click_at_rest, follow, text_to_copy
from velatura.studio.pictures import (
    check_pictures,
    pictures_field,
    several,
    shelf_field,
    thumbnails,
    with_another,
)

NAMES = [entry.name for entry in dataclasses.fields(PaintOptions)]
# The browser mixes while the slider moves. Where it rests, the files are written.
MIX = f"""strength => {{
    const root = document.documentElement;
    root.style.setProperty("--strength", strength);
    root.classList.add("unwritten");
    ({click_at_rest("pass-mix", 400)})();
}}"""
WRITTEN = """() => {
    if (!("pass-mix" in window.resting)) document.documentElement.classList.remove("unwritten");
}"""


class OnePassPage:
    """The page and what its parts do. `settings_of` fills it from a finished picture."""

    def __init__(self, folder: Folder, queue: Queue) -> None:
        self.folder, self.mixing = folder, Queue()
        with gr.Row(equal_height=False):
            with gr.Column(scale=4, min_width=300):
                self._draw_form()
            with gr.Column(scale=6, min_width=300):
                self._draw_easel(queue)
        self._connect()

    def _draw_form(self) -> None:
        self.photographs = pictures_field("Photograph, one or more", "pass-photographs")
        self.at_hand = shelf_field("Photographs at hand", "pass-at-hand")
        self.style = ModelField(self.folder, REGISTRY, "pass")
        rest = [name for name in NAMES if name not in ("strength", "size", "colors")]
        drawn = {name: self._field(name) for name in ("size", "colors")}
        with gr.Accordion("Everything else", open=False):
            drawn |= {name: self._field(name) for name in rest}
        self.fields = drawn

    def _field(self, name: str) -> Any:
        return fields.field(PaintOptions, name, page="pass")

    def _draw_easel(self, queue: Queue) -> None:
        self.controls = Controls(self.folder, queue, "pass", "Paint")
        self.preview = gr.HTML(views.EMPTY, elem_id="pass-preview")
        strength = self._field("strength")
        self.fields = {name: (self.fields | {"strength": strength})[name] for name in NAMES}
        self.mix = gr.Button("Mix", visible="hidden", elem_id="pass-mix")
        self.pictures = shelf_field("Painted", "pass-pictures")
        self.download = gr.DownloadButton(
            "Download, settings inside", interactive=False, elem_id="pass-download"
        )
        self.command = text_to_copy("The same at the command line", "pass-command")
        self.finished = gr.State(None)

    def _connect(self) -> None:
        form = [self.photographs, self.style.choice, *self.fields.values()]
        self.form = [self.controls.status, *form]
        made = [self.preview, self.pictures, self.download, self.finished]
        strength, status = self.fields["strength"], self.controls.status
        raw: dict[str, Any] = QUIET | {"preprocess": False}
        mixed: dict[str, Any] = {
            "fn": self._mix,
            "inputs": [self.finished, strength],
            "outputs": [status, self.pictures, self.download, self.finished],
            "concurrency_limit": None,
            "trigger_mode": "multiple",  # the latest stops those before
            **QUIET,
        }
        self.controls.start.click(
            self._paint,
            [self.finished, *form],
            [*self.controls.parts, *made],
            concurrency_limit=None,
            **raw,
        ).then(**mixed)  # the slider may have moved meanwhile
        strength.change(None, strength, None, js=MIX, **QUIET)
        self.mix.click(**mixed).then(None, None, None, js=WRITTEN, **QUIET)
        self.pictures.select(self._show, self.finished, self.preview, **QUIET)
        self.photographs.upload(self._check, self.photographs, [self.photographs, status], **raw)
        self.at_hand.select(self._take, self.photographs, self.photographs, **raw)
        self.style.connect(status, **QUIET)
        follow(form, self._command, self.command)

    def choices(self) -> list[Any]:
        """What the shelf and the list of styles show; for their components, in this order."""
        return [thumbnails(self.folder.at_hand("photographs")), self.style.choices()]

    def _paint(
        self, request: gr.Request, before: Finished | None, *form: Any
    ) -> Iterator[dict[Any, Any]]:
        def order() -> Callable[[Job], Finished]:
            return painting(self._order(*form), self.folder)

        def ended(finished: Finished) -> dict[Any, Any]:
            if before:
                forget(before)
            return self._ended(finished)

        yield from self.controls.run(request, order, ended, self._so_far)

    def _so_far(self, painted: tuple[Painted, ...]) -> dict[Any, Any]:
        if not painted:
            return {}
        shown = thumbnails([one.picture for one in painted])
        return {self.preview: _glaze(painted[-1]), self.pictures: shown}

    def _ended(self, finished: Finished) -> dict[Any, Any]:
        painted, asked = finished.painted, len(finished.order.photographs)
        text = f"Done: {painted[-1].picture.name}"
        if asked > 1:
            text = f"Done, {len(painted)} of {asked} photographs"
        if finished.wrong:
            text += f". Not painted: {'; '.join(finished.wrong)}"
        told = views.status(self.folder.without_paths(text), done=1.0, wrong=bool(finished.wrong))
        return {
            self.controls.status: told,
            self.preview: _glaze(painted[-1]),
            **self._files(finished),
        }

    def _files(self, finished: Finished) -> dict[Any, Any]:
        """What changes when the pictures were written."""
        pictures = [one.picture for one in finished.painted]
        file = pictures[0]
        if len(pictures) > 1:
            file = finished.scratch / "in-one-pass.zip"
            with zipfile.ZipFile(file, "w") as packed:
                for picture in pictures:
                    packed.write(picture, picture.name)
        return {
            self.pictures: thumbnails(pictures),
            self.download: gr.DownloadButton(value=str(file), interactive=True),
            self.finished: finished,
        }

    def _mix(
        self, request: gr.Request, finished: Finished | None, strength: float
    ) -> Iterator[dict[Any, Any]]:
        """Write the pictures as the slider shows them."""
        if finished is None or strength == finished.strength:
            yield {self.controls.status: gr.skip()}  # with nothing at all Gradio clears the parts
            return
        yield {
            self.controls.status: views.status("Writing the pictures …", done=None),
            self.download: gr.DownloadButton(interactive=False),
        }
        job = self.mixing.add(str(request.session_hash), mixing(finished, strength))
        while job.wait(1.0):
            pass
        if job.result:
            text = f"Written at strength {strength:g}: "
            text += ", ".join(one.picture.name for one in finished.painted)
            yield {self.controls.status: views.status(text, done=1.0), **self._files(job.result)}
        elif job.error:
            yield {self.controls.status: self.controls.wrong(job.error)}

    def _show(self, finished: Finished | None, chosen: gr.SelectData) -> Any:
        if finished is None or not 0 <= chosen.index < len(finished.painted):
            return gr.skip()
        return _glaze(finished.painted[chosen.index])

    def _order(self, photographs: Any, style: Any, *values: Any) -> Order:
        """What the form holds, its photographs put on the shelf. Raises VelaturaError."""
        if not photographs:
            raise VelaturaError("Choose a photograph first.")
        style = self.style.check(style)
        options = fields.read(PaintOptions, dict(zip(self.fields, values, strict=True)))
        sources = [self.folder.uploaded(file) for file in several(photographs)]
        kept = {self.folder.keep(source, "photographs").name: source for source in sources}
        return Order(kept, style, options)

    def _command(self, photographs: Any, style: Any, *values: Any) -> str:
        """The command line, or what is wrong with the form."""
        try:
            options = fields.read(PaintOptions, dict(zip(self.fields, values, strict=True)))
        except ConfigError as error:
            return str(error)
        names = [Path(file["path"]).name for file in several(photographs)] or ["photo.jpg"]
        words = ["velatura", "fast", "apply", *names, "--style", style or "style.safetensors"]
        words += ["-o", "out.png" if len(names) == 1 else "out"]
        return shlex.join(words + (fields.differences(PaintOptions(), options) or []))

    def _check(self, photographs: Any) -> tuple[Any, str]:
        return check_pictures(self.folder, photographs)

    def _take(self, photographs: Any, chosen: gr.SelectData) -> list[str]:
        return with_another(self.folder, photographs, "photographs", chosen)

    def settings_of(self, name: str) -> dict[Any, Any]:
        """What the page holds to make the finished picture `name` again. Raises VelaturaError."""
        settings = self.folder.settings(name)
        options = PaintOptions.from_dict({k: v for k, v in settings.items() if k in NAMES})
        photograph = self.folder.find(str(settings["content"]), "photographs")
        style = settings["style"]
        style = style if style in self.folder.models(REGISTRY) else None
        changes = {part: fields.shown(getattr(options, n)) for n, part in self.fields.items()}
        missing = [] if photograph else [settings["content"]]
        missing += [] if style else [settings["style"]]
        text = f"As {name}."
        if missing:
            text += f" Not at hand any more: {', '.join(map(str, missing))}"
        return changes | {
            self.photographs: [str(photograph)] if photograph else [],
            self.style.choice: style,
            self.controls.status: views.status(text, wrong=bool(missing)),
        }


def _glaze(one: Painted) -> str:
    painted = read(one.full)
    photograph = resize(read(one.photograph).pixels, painted.size)
    return views.glaze(to_pil(photograph), to_pil(painted.pixels), one.picture.name)
