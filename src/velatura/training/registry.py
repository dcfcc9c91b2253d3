"""Models by name: those that come with the package, and files of the user's own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from velatura.errors import ConfigError
from velatura.training import modelfile

if TYPE_CHECKING:
    from torch import nn

Network = TypeVar("Network", bound="nn.Module")


@dataclass(frozen=True)
class Model(Generic[Network]):
    """A network that is learnt, and the card that says where it comes from."""

    network: Network
    card: dict[str, Any]


@dataclass(frozen=True)
class Registry(Generic[Network]):
    """Where models of one architecture are found."""

    kind: str  # what such a model is called, as in an error
    folder: Path  # of those that come with the package
    architecture: str
    make: Callable[[], Network]

    def shipped(self) -> dict[str, Path]:
        """The models that come with the package, by name."""
        return {path.stem: path for path in sorted(self.folder.glob("*.safetensors"))}

    def find(self, name: str) -> Path:
        """The file of a shipped model by its name, or the file of that path.

        Raises ConfigError, which lists the names, if there is neither.
        """
        named = self.shipped()
        if name in named:
            return named[name]
        path = Path(name)
        if not path.is_file():
            raise ConfigError(
                f"{self.kind}: expected a file or one of {', '.join(named) or 'none shipped'}, "
                f"got {name!r}"
            )
        return path

    def load(self, name: str) -> Model[Network]:
        """A model by name or path. Raises ConfigError or WeightsError, with what was expected."""
        network = self.make()
        card = modelfile.load(self.find(name), network, self.architecture)
        return Model(network.eval().requires_grad_(False), card)

    def save(self, path: Path, model: Model[Network]) -> None:
        """Write a model as one file. Raises FileError if it cannot be written."""
        modelfile.save(path, model.network, {"architecture": self.architecture, **model.card})
