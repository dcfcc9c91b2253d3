"""Ways to descend: L-BFGS and Adam; `velatura.painting.learned` has a third.

All know an image and the gradient there, nothing of what is minimised.
"""

from collections import deque
from typing import Protocol

import torch
from torch import Tensor

from velatura.painting.config import StyleConfig

FIRST_STEP = 0.02  # root mean square change of L-BFGS's first step, before curvature is known


class Optimizer(Protocol):
    """Something that, shown an image and the gradient there, says where to go next."""

    def step(self, image: Tensor, gradient: Tensor) -> Tensor:
        """The next image, a new tensor shaped like `image` (batch, 3, height, width)."""

    def state(self) -> dict[str, Tensor]:
        """All that it remembers."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Remember what `state` gave."""

    def forget(self) -> None:
        """Let go of all memory."""


def frequency_falloff(size: tuple[int, int], power: float, device: torch.device) -> Tensor:
    """1 / frequency^power on the half spectrum of `rfft2`, shape (height, width // 2 + 1).

    The lowest frequencies are limited to one cycle per image, so that the mean stays finite.
    """
    height, width = size
    down = torch.fft.fftfreq(height, device=device)[:, None]
    across = torch.fft.rfftfreq(width, device=device)[None, :]
    frequency = (down.square() + across.square()).sqrt()
    return frequency.clamp_min(1 / max(size)).pow(-power)


def over_frequency(image: Tensor, power: float = 1.0) -> Tensor:
    """`image` with each frequency divided by it to the `power`."""
    size = (image.shape[-2], image.shape[-1])
    falloff = frequency_falloff(size, power, image.device).to(image.dtype)
    return torch.fft.irfft2(torch.fft.rfft2(image).mul_(falloff), s=size)


class LBFGS:
    """Limited-memory BFGS without line search (Nocedal 1980; Liu and Nocedal 1989).

    Natural pictures have most of their energy in low frequencies, and the losses are flatter
    there than pixels suggest. With `power` 1 the inverse Hessian starts from γ/frequency in place
    of the usual γ·identity, which is the same as running plain L-BFGS over Fourier coefficients
    scaled by frequency^-0.5; `power` 0 is plain L-BFGS over pixels.
    """

    longest_step = 0.1  # no step changes pixels by more than this, in the root mean square

    def __init__(
        self,
        *,
        power: float = 1.0,
        history: int = 50,
        learning_rate: float = 1.0,
        first_step: float = FIRST_STEP,
    ):
        self.power, self.learning_rate, self.first_step = power, learning_rate, first_step
        self.pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=history)  # s, y, 1/(s·y)
        self.previous: tuple[Tensor, Tensor] | None = None  # image, gradient
        self.gamma = torch.tensor(0.0)  # of the inverse Hessian; 0 before any curvature is known

    def step(self, image: Tensor, gradient: Tensor) -> Tensor:
        """The next image, from the gradient at this one."""
        if self.previous is not None:
            s, y = image - self.previous[0], gradient - self.previous[1]
            rho = _inverse_curvature(s, y)
            self.pairs.append((s, y, rho))
            gamma = 1 / (rho * _dot(y, self._precondition(y)))
            self.gamma = torch.where(rho > 0, gamma, self.gamma.to(gamma))
        self.previous = (image, gradient)
        direction = self._inverse_hessian(gradient).neg_()
        length = direction.square().mean().sqrt().clamp_min(1e-30)
        usual = (self.longest_step / length).clamp(max=self.learning_rate)
        first = self.first_step * min(self.learning_rate, 1.0) / length
        return direction.mul_(torch.where(self.gamma.to(usual) > 0, usual, first)).add_(image)

    def state(self) -> dict[str, Tensor]:
        """The last image and gradient, and the history of their differences."""
        state = {"gamma": self.gamma}
        if self.previous is not None:
            state["image"], state["gradient"] = self.previous
        for k, (s, y, _) in enumerate(self.pairs):
            state[f"s{k}"], state[f"y{k}"] = s, y
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        self.gamma = state["gamma"]
        if "image" in state:
            self.previous = state["image"], state["gradient"]
        count = sum(name.startswith("s") for name in state)
        for s, y in ((state[f"s{k}"], state[f"y{k}"]) for k in range(count)):
            self.pairs.append((s, y, _inverse_curvature(s, y)))

    def forget(self) -> None:
        """Let go of the history and of the last image and gradient."""
        self.pairs.clear()
        self.previous = None
        self.gamma = torch.zeros_like(self.gamma)

    def _inverse_hessian(self, gradient: Tensor) -> Tensor:
        """The two-loop recursion (Nocedal and Wright 2006, algorithm 7.4)."""
        q = gradient.clone()
        alphas = []
        for s, y, rho in reversed(self.pairs):
            alpha = rho * _dot(s, q)
            q.addcmul_(y, -alpha)  # without a copy of y, as large as the picture
            alphas.append(alpha)
        r = self._precondition(q)
        if self.pairs:
            r *= torch.where(self.gamma > 0, self.gamma, 1)
        for (s, y, rho), alpha in zip(self.pairs, reversed(alphas), strict=True):
            r.addcmul_(s, alpha - rho * _dot(y, r))
        return r

    def _precondition(self, gradient: Tensor) -> Tensor:
        if self.power == 0:
            return gradient.clone()
        return over_frequency(gradient, self.power)


class Adam:
    """Adam over pixels (Kingma and Ba 2015, algorithm 1)."""

    def __init__(self, *, learning_rate: float = 0.02, betas: tuple[float, float] = (0.9, 0.999)):
        self.learning_rate, self.betas = learning_rate, betas
        self.steps = 0
        self.mean: Tensor | None = None
        self.square: Tensor | None = None

    def step(self, image: Tensor, gradient: Tensor) -> Tensor:
        """The next image, from the gradient at this one."""
        if self.mean is None or self.square is None:
            self.mean, self.square = torch.zeros_like(gradient), torch.zeros_like(gradient)
        self.steps += 1
        first, second = self.betas
        self.mean = torch.lerp(self.mean, gradient, 1 - first)
        self.square = torch.lerp(self.square, gradient.square(), 1 - second)
        mean = self.mean / (1 - first**self.steps)
        square = self.square / (1 - second**self.steps)
        return image - self.learning_rate * mean / (square.sqrt() + 1e-8)

    def state(self) -> dict[str, Tensor]:
        """The two averages and the number of steps they are of."""
        if self.mean is None or self.square is None:
            return {}
        return {"mean": self.mean, "square": self.square, "steps": torch.tensor(self.steps)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        if state:
            self.mean, self.square = state["mean"], state["square"]
            self.steps = int(state["steps"])

    def forget(self) -> None:
        """Let go of the averages."""
        self.steps, self.mean, self.square = 0, None, None


def build(config: StyleConfig, history: int = 50, first_step: float = FIRST_STEP) -> Optimizer:
    """The optimiser that `config` asks for, fresh, L-BFGS with so many pairs of `history`."""
    if config.optimizer == "adam":
        return Adam(learning_rate=0.02 * config.learning_rate)
    lbfgs = LBFGS(
        power=1.0 if config.basis == "fourier" else 0.0,
        history=history,
        learning_rate=config.learning_rate,
        first_step=first_step,
    )
    if config.optimizer == "learned":
        from velatura.painting import learned_models  # on top of this module

        return learned_models.optimizer(config, lbfgs)
    return lbfgs


def _inverse_curvature(s: Tensor, y: Tensor) -> Tensor:
    """1/(s·y), or 0 where the pair has no positive curvature, with which it changes nothing.

    With it the update would not be a descent direction. Nothing is read by the host.
    """
    curvature = _dot(s, y)
    return torch.where(curvature > 1e-10 * (s.norm() * y.norm()), 1 / curvature, 0)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.dot(a.flatten(), b.flatten())
