"""Gallery: what was made, each with its settings, to be made again with others."""

import json
from typing import Any

import gradio as gr

from velatura.errors import VelaturaError
from velatura.studio import views
from velatura.studio.folder import Folder
from velatura.studio.pages.controls import QUIET
from velatura.studio.pages.one_pass import OnePassPage
from velatura.studio.pages.paint import PaintPage
from velatura.studio.pages.upscale import UpscalePage
from velatura.studio.pictures import thumbnails


class GalleryPage:
    """The page and what its parts do. `again` shows the page that made a picture, filled in."""

    def __init__(
        self,
        folder: Folder,
        paint: PaintPage,
        one_pass: OnePassPage,
        upscale: UpscalePage,
        tabs: gr.Tabs,
    ) -> None:
        self.folder, self.paint, self.tabs = folder, paint, tabs
        # What a picture's settings hold, the first of these, says which page made it.
        self.makers: dict[str, tuple[str, Any]] = {
            "config": ("paint", paint),
            "fast": ("one-pass", one_pass),
            "upscale": ("upscale", upscale),
        }
        text = f"Finished pictures are kept in {folder.path.name}/{folder.pictures.name}."
        if folder.lost:
            text += " Lost when the studio was ended last: " + "; ".join(folder.lost)
        gr.HTML(views.status(text, wrong=bool(folder.lost), done=None), elem_id="lost")
        self.pictures = gr.Gallery(
            label="Finished pictures",
            show_label=False,
            columns=5,
            fit_columns=False,
            height=360,
            object_fit="cover",
            allow_preview=False,
            interactive=False,
            buttons=[],
            elem_id="gallery",
        )
        with gr.Row(equal_height=False):
            with gr.Column(scale=6, min_width=300):
                self.picture = gr.Image(
                    label="Picture",
                    type="filepath",
                    interactive=False,
                    height=480,
                    buttons=["fullscreen"],
                    elem_id="gallery-picture",
                )
            with gr.Column(scale=4, min_width=300):
                self.again = gr.Button("Do it again with …", interactive=False, elem_id="again")
                self.download = gr.DownloadButton("Download", interactive=False)
                self.settings = gr.Code(
                    label="Settings",
                    language="json",
                    interactive=False,
                    lines=14,
                    max_lines=14,
                    elem_id="gallery-settings",
                )
        self.chosen = gr.State("")
        self.pictures.select(
            self._choose,
            None,
            [self.picture, self.settings, self.download, self.again, self.chosen],
            **QUIET,
        )
        forms = [part for _, page in self.makers.values() for part in page.form]
        self.again.click(self._again, self.chosen, [tabs, *forms], **QUIET)

    def finished(self) -> list[Any]:
        """What the gallery shows."""
        return thumbnails(self.folder.finished())

    def _choose(self, chosen: gr.SelectData) -> list[Any]:
        name = str(chosen.value["caption"])
        path = self.folder.find(name, "pictures")
        if path is None:
            return [None, f"{name}: not there any more", gr.skip(), gr.skip(), ""]
        try:
            text = json.dumps(self.folder.settings(name), indent=2)
        except VelaturaError as error:
            text = self.folder.without_paths(str(error))
        return [
            str(path),
            text,
            gr.DownloadButton(value=str(path), interactive=True),
            gr.Button(interactive=True),
            name,
        ]

    def _again(self, name: str) -> dict[Any, Any]:
        tab, changes = "paint", {}
        try:
            settings = self.folder.settings(name)
            for key, (maker, page) in self.makers.items():
                if key in settings:
                    tab, changes = maker, page.settings_of(name)
                    break
        except (VelaturaError, LookupError, TypeError) as error:
            told = str(error) if isinstance(error, VelaturaError) else f"{name}: made elsewhere"
            text = self.folder.without_paths(told)
            changes = {self.paint.status: views.status(text, wrong=True)}
        return {self.tabs: gr.Tabs(selected=tab), **changes}
