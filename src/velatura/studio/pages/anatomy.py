"""Anatomy: what each layer of the network sees of a photograph."""

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from velatura.anatomy.look import Look, look, prepare
from velatura.anatomy.page import page as page_of
from velatura.errors import VelaturaError
from velatura.files import atomic_path
from velatura.images.io import to_pil
from velatura.painting.engine import Step
from velatura.perception.layers import BLOCKS
from velatura.studio import views
from velatura.studio.folder import Folder
from velatura.studio.jobs import Job, Queue, Standing
from velatura.studio.pages.controls import QUIET, Controls
from velatura.studio.pictures import photograph_field

LAYERS = [name.replace("conv", "relu") for block in BLOCKS for name, _ in block]
MOST_SIZE = 1024  # pixels, as a layer's features and their gradients are held whole
FIRST = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
NOTHING = '<div class="sheet"><p>The page appears here.</p></div>'


class AnatomyPage:
    """The page and what its parts do."""

    def __init__(self, folder: Folder, queue: Queue) -> None:
        self.folder = folder
        with gr.Row(equal_height=False):
            photograph = photograph_field("Photograph", "anatomy-photograph")
            painting = photograph_field("Painting to compare with, if you like", "anatomy-painting")
        layers = gr.CheckboxGroup(
            choices=LAYERS,
            value=FIRST,
            label="layers",
            info="which to look at",
            elem_id="anatomy-layers",
        )
        size = gr.Number(256, label="size", info="long side in pixels", elem_id="anatomy-size")
        self.controls = Controls(folder, queue, "anatomy", "Look")
        self.sheet = gr.HTML(NOTHING, elem_id="anatomy-sheet")
        self.download = gr.DownloadButton("Download the page", interactive=False)
        self.controls.start.click(
            self._look,
            [photograph, painting, layers, size],
            [*self.controls.parts, self.sheet, self.download],
            concurrency_limit=None,
            preprocess=False,
            **QUIET,
        )

    def _look(
        self, request: gr.Request, photograph: Any, painting: Any, layers: list[str], size: Any
    ) -> Iterator[dict[Any, Any]]:
        def order() -> Callable[[Job], Path]:
            if not photograph:
                raise VelaturaError("Choose a photograph first.")
            if not layers:
                raise VelaturaError("Choose a layer first.")
            if size and size > MOST_SIZE:
                raise VelaturaError(f"size: expected at most {MOST_SIZE} pixels, got {size}")
            content = self.folder.take(photograph, "photographs")
            style = painting and self.folder.take(painting, "paintings")
            return _looking(content, style or None, layers, int(size or 0), self.folder)

        yield from self.controls.run(request, order, self._ended)

    def _ended(self, page: Path) -> dict[Any, Any]:
        document = escape(page.read_text(encoding="utf-8"))
        return {
            self.controls.status: views.status(f"Done: {page.name}", done=1.0),
            self.sheet: f'<iframe class="sheet" title="What the network sees" sandbox '
            f'srcdoc="{document}"></iframe>',
            self.download: gr.DownloadButton(value=str(page), interactive=True),
        }


def _looking(
    content: Path, style: Path | None, layers: list[str], size: int, folder: Folder
) -> Callable[[Job], Path]:
    """The work of looking; its result is the page, written into the folder."""

    def work(job: Job) -> Path:
        job.show()
        network, photograph, painting = prepare(content, style, layers, size)
        looks: list[Look] = []
        for number, layer in enumerate(layers):
            on_progress = _progress_of(job, layer, number, len(layers), parts=2 if style else 1)
            looks.append(look(network, layer, photograph, painting, on_progress))
        text = page_of(
            to_pil(photograph),
            None if painting is None else to_pil(painting),
            looks,
            content.name,
        )
        output = folder.pictures / f"{content.stem}-anatomy.html"
        with atomic_path(output) as temporary:
            temporary.write_text(text, encoding="utf-8")
        return output

    return work


def _progress_of(
    job: Job, layer: str, number: int, layers: int, parts: int
) -> Callable[[Step], None]:
    """Shows `job` how far it is; at each layer as many pictures as `parts` are painted."""
    begun = 0

    def on_progress(step: Step) -> None:
        nonlocal begun
        begun += step.number == 1
        done = (number + (begun - 1 + step.number / step.total) / parts) / layers
        job.show(Standing(f"Looking at {layer}", done))

    return on_progress
