"""Networks that are learnt, to choose from: those of the package and the person's own."""

from html import escape
from typing import Any

import gradio as gr

from velatura.errors import VelaturaError
from velatura.studio import views
from velatura.studio.folder import Folder
from velatura.training.modelfile import read_card
from velatura.training.registry import Registry

TOLD = ("painting", "licence")  # of a model's card, what it has of them


class ModelField:
    """A list of models, what the chosen one's card says, and a button to add one's own."""

    def __init__(self, folder: Folder, registry: Registry[Any], page: str) -> None:
        self.folder, self.registry = folder, registry
        names = list(folder.models(registry))
        self.choice = gr.Dropdown(
            choices=names,
            value=names[0] if names else None,
            label=registry.kind,
            info="those that come with Velatura, then your own",
            filterable=False,
            elem_id=f"{page}-{registry.kind}",
        )
        self.card = gr.HTML(self._told(self.choice.value), elem_id=f"{page}-card")
        self.own = gr.UploadButton(
            f"Add a {registry.kind} of your own (.safetensors)",
            file_types=[".safetensors"],
            size="sm",
            elem_id=f"{page}-own",
        )

    def connect(self, status: gr.HTML, **how: Any) -> None:
        """Let `status` tell what came of an upload."""
        self.own.upload(
            self._add, self.own, [self.choice, status], preprocess=False, concurrency_limit=1, **how
        )
        self.choice.change(self._told, self.choice, self.card, preprocess=False, **how)

    def choices(self) -> Any:
        """The list as it is now; the choice stays what it is."""
        return gr.Dropdown(choices=list(self.folder.models(self.registry)))

    def check(self, name: Any) -> str:
        """The name of a model that a form holds. Raises VelaturaError if it holds none."""
        if not name:
            none = "" if self.folder.models(self.registry) else " There is none yet: add your own."
            raise VelaturaError(f"Choose a {self.registry.kind} first.{none}")
        return str(name)

    def _add(self, file: Any) -> tuple[Any, str]:
        """Keep an uploaded model if it is one."""
        try:
            path = self.folder.uploaded(file)
            self.registry.load(str(path))
            kept = self.folder.keep_model(path, self.registry).name
        except VelaturaError as error:
            text = self.folder.without_paths(str(error))
            return gr.skip(), views.status(text, wrong=True)
        choices = list(self.folder.models(self.registry))
        return gr.Dropdown(choices=choices, value=kept), views.status(f"Added {kept}.")

    def _told(self, name: Any) -> str:
        """What a model's card says of it, in a box of fixed height."""
        file = self.folder.models(self.registry).get(name)
        try:
            card = read_card(file) if file else {}
            text = ", ".join(str(card[key])[:80] for key in TOLD if card.get(key))
        except VelaturaError as error:
            text = self.folder.without_paths(str(error))
        return f'<p class="told">{escape(text)}</p>'
