"""Velatura: neural style transfer. Importing it loads no torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from velatura.version import __version__

if TYPE_CHECKING:
    from velatura.duplicates.find import find_duplicates as find_duplicates
    from velatura.duplicates.find import find_similar as find_similar
    from velatura.errors import ConfigError as ConfigError
    from velatura.errors import DivergenceError as DivergenceError
    from velatura.errors import FileError as FileError
    from velatura.errors import ImageError as ImageError
    from velatura.errors import VelaturaError as VelaturaError
    from velatura.errors import WeightsError as WeightsError
    from velatura.errors import WorkerError as WorkerError
    from velatura.fast.painter import Painter as Painter
    from velatura.painting.config import StyleConfig as StyleConfig
    from velatura.painting.engine import Scale as Scale
    from velatura.painting.engine import Step as Step
    from velatura.painting.engine import transfer as transfer
    from velatura.painting.recipes import RECIPES as RECIPES
    from velatura.painting.recipes import Recipe as Recipe
    from velatura.painting.stylize import stylize as stylize
    from velatura.superres.upscaler import Upscaler as Upscaler


_HOMES = {
    "ConfigError": "velatura.errors",
    "DivergenceError": "velatura.errors",
    "FileError": "velatura.errors",
    "ImageError": "velatura.errors",
    "Painter": "velatura.fast.painter",
    "RECIPES": "velatura.painting.recipes",
    "Recipe": "velatura.painting.recipes",
    "Scale": "velatura.painting.engine",
    "Step": "velatura.painting.engine",
    "StyleConfig": "velatura.painting.config",
    "Upscaler": "velatura.superres.upscaler",
    "VelaturaError": "velatura.errors",
    "WeightsError": "velatura.errors",
    "WorkerError": "velatura.errors",
    "find_duplicates": "velatura.duplicates.find",
    "find_similar": "velatura.duplicates.find",
    "stylize": "velatura.painting.stylize",
    "transfer": "velatura.painting.engine",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    """Fetch a public name from its home when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
