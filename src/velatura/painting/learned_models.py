"""Networks of learned updates: the one that comes with the package, and files of the user's own."""

from pathlib import Path

from velatura.painting.learned import LearnedUpdates, UpdateNetwork
from velatura.perception.devices import pick_device, pick_dtype
from velatura.training.shelf import Model, Shelf

UpdateModel = Model[UpdateNetwork]
SHELF = Shelf("updates", Path(__file__).parent / "updates", "velatura-updates-1", UpdateNetwork)
load, save = SHELF.load, SHELF.save


def optimizer(name: str, device: str, precision: str, learning_rate: float) -> LearnedUpdates:
    """The updates of a network by name or path.

    Raises ConfigError or WeightsError if there is no such network.
    """
    dtype = pick_dtype(precision, pick_device(device))
    return LearnedUpdates(load(name).network, dtype, learning_rate)
