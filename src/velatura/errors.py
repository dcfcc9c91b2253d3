"""Everything Velatura raises on purpose.

    VelaturaError
    ├── ImageError     a picture cannot be read, painted or written
    │   └── TooLargeError  … for it has more pixels than are allowed, or than memory holds
    ├── WeightsError   the network's weights are missing, damaged or foreign
    ├── ConfigError    an option is out of its range (also a ValueError)
    ├── DivergenceError  the painting left the finite numbers
    └── WorkerError    a process that shared the painting ended

Each message says what was expected, what came and, where it is not obvious, what to do.
"""


class VelaturaError(Exception):
    """Base of all errors that Velatura raises on purpose."""


class ImageError(VelaturaError):
    """A picture cannot be read, painted or written."""


class TooLargeError(ImageError):
    """A picture has more pixels than are allowed, or than memory holds; it may be a good one."""


class WeightsError(VelaturaError):
    """The network's weights are missing, damaged or foreign."""


class ConfigError(VelaturaError, ValueError):
    """An option is out of its range."""


class DivergenceError(VelaturaError):
    """The painting left the finite numbers."""


class WorkerError(VelaturaError):
    """Another process that shared the painting ended before it was done."""
