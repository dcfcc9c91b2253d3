"""Styles that are learnt: those that come with the package, and files of the user's own.

torch is imported when one is loaded, not to find them.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from velatura.fast.layers import ARCHITECTURE
from velatura.training.registry import Model, Registry

if TYPE_CHECKING:
    from velatura.fast.network import StyleNetwork


def _network() -> "StyleNetwork":
    from velatura.fast.network import StyleNetwork

    return StyleNetwork()


Style = Model["StyleNetwork"]
REGISTRY = Registry("style", Path(__file__).parent / "styles", ARCHITECTURE, _network)
shipped, find, load, save = REGISTRY.shipped, REGISTRY.find, REGISTRY.load, REGISTRY.save
