"""Networks of learned updates: the one that comes with the package, and files of the user's own."""

from pathlib import Path

from velatura.painting.config import StyleConfig
from velatura.painting.learned import LearnedUpdates, UpdateNetwork
from velatura.painting.optimizers import LBFGS
from velatura.perception.devices import pick_device, pick_dtype
from velatura.training.registry import Model, Registry

UpdateModel = Model[UpdateNetwork]
REGISTRY = Registry(
    "updates", Path(__file__).parent / "updates", "velatura-updates-1", UpdateNetwork
)
load, save = REGISTRY.load, REGISTRY.save


def optimizer(config: StyleConfig, lbfgs: LBFGS) -> LearnedUpdates:
    """What the network that `config` names makes of L-BFGS's steps.

    Raises ConfigError or WeightsError if there is no such network.
    """
    dtype = pick_dtype(config.precision, pick_device(config.device))
    return LearnedUpdates(load(config.updates).network, dtype, lbfgs)
