"""Styles that are learnt: those that come with the package, and files of the user's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velatura.errors import ConfigError
from velatura.fast.network import StyleNetwork
from velatura.training import modelfile

FOLDER = Path(__file__).parent / "styles"
ARCHITECTURE = "velatura-style-1"


@dataclass(frozen=True)
class Style:
    """A network that paints in one style, and the card that says where it comes from."""

    network: StyleNetwork
    card: dict[str, Any]


def shipped() -> dict[str, Path]:
    """The styles that come with the package, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.safetensors"))}


def find(style: str) -> Path:
    """The file of a shipped style by its name, or the file of that path.

    Raises ConfigError, which lists the names, if there is neither.
    """
    named = shipped()
    if style in named:
        return named[style]
    path = Path(style)
    if not path.is_file():
        raise ConfigError(
            f"style: expected a file or one of {', '.join(named) or 'no shipped styles'}, "
            f"got {style!r}"
        )
    return path


def load(style: str) -> Style:
    """A style by name or path. Raises ConfigError or WeightsError, with what was expected."""
    network = StyleNetwork()
    card = modelfile.load(find(style), network, ARCHITECTURE)
    return Style(network.eval().requires_grad_(False), card)


def save(path: Path, style: Style) -> None:
    """Write a style as one file. Raises ImageError if it cannot be written."""
    modelfile.save(path, style.network, {"architecture": ARCHITECTURE, **style.card})
