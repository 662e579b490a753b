"""Detects a collapse of training.

A step measures signs of its own health inside its graph, at almost no cost;
`HealthWatch` reads them and applies the rules below.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# How many replicas and updates of a step had values that are not finite: in the
# images that came in, in D's loss or gradients, in G's loss or gradients.
IMAGES = "nonfinite/images"
DISCRIMINATOR = "nonfinite/discriminator"
GENERATOR = "nonfinite/generator"
NONFINITE = (IMAGES, DISCRIMINATOR, GENERATOR)

REAL_MOMENTS, FAKE_MOMENTS = "moments/real", "moments/fake"
DIVERSITY = "diversity"

_LEAST_VARIANCE = 1e-12


def nonfinite(tensors: Sequence[tf.Tensor | tf.IndexedSlices]) -> tf.Tensor:
    """1 where any value is not finite or too large to square, else 0; a scalar.

    Squares, since Adam squares the gradient: what overflows there is as bad.
    """
    norms = [
        tf.nn.l2_loss(x.values if isinstance(x, tf.IndexedSlices) else x)
        for x in tensors
    ]
    healthy = tf.reduce_all(tf.math.is_finite(tf.stack(norms)))
    return 1.0 - tf.cast(healthy, tf.float32)


def moments(images: tf.Tensor, global_batch: int) -> tf.Tensor:
    """Sums of images [B, H, W, C] and of their squares over the global batch's size.

    Returns:
      [2, H, W, C] float32; over all replicas it adds up to the means of both.
    """
    images = tf.cast(images, tf.float32)
    sums = tf.stack([tf.reduce_sum(images, 0), tf.reduce_sum(images**2, 0)])
    return sums / global_batch


def with_earlier(
    update: dict[str, tf.Tensor], earlier: dict[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """A D update's metrics, in which the health of the updates before it counts."""
    counts = {k: update[k] + earlier[k] for k in NONFINITE if k in earlier}
    return update | counts


def with_diversity(metrics: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Replaces the moments by the diversity of the fakes, a scalar.

    Diversity is the fakes' standard deviation over the batch, root mean square over
    pixels, relative to that of the reals: 0 where all fakes are one image.
    """
    rest = dict(metrics)
    real, fake = rest.pop(REAL_MOMENTS), rest.pop(FAKE_MOMENTS)
    ratio = _variance(fake) / tf.maximum(_variance(real), _LEAST_VARIANCE)
    return rest | {DIVERSITY: tf.sqrt(ratio)}


def _variance(sums: tf.Tensor) -> tf.Tensor:
    """The mean over pixels of the variance over the batch, from `moments`."""
    return tf.reduce_mean(tf.maximum(sums[1] - sums[0] ** 2, 0.0))


# Signs are read at the latest after so many steps, whatever the log interval is.
_MOST_UNREAD = 100
# Hinge losses are a few margins in a healthy training; the margin is 1.
_DIVERGED_LOSS = 1e4
# Fakes with less than this part of the reals' spread are as good as one image, once
# they had at least _DIVERSE (an untrained G's are alike too), for so many steps.
_ALIKE, _DIVERSE, _ALIKE_STEPS = 0.1, 0.2, 20
# D tells all reals from all fakes.
_SURE, _SURE_STEPS = 0.995, 500

_LOSSES = {"discriminator_loss": "discriminator", "generator_loss": "generator"}
_SIGNS = {
    "discriminator": DISCRIMINATOR,
    "generator": GENERATOR,
}
_ACCURACIES = ("real_accuracy", "fake_accuracy")
_READ = (*NONFINITE, *_LOSSES, *_ACCURACIES, DIVERSITY)
_BAD_IMAGES = "the real images are not finite"


class Collapse(Exception):
    """Training cannot go on from here.

    Attributes:
      step: the first step at which it showed.
      seen_at: the step after which it was seen.
      reason: what was seen, and in which network.
      sick_since: checkpoints of this step and later may be sick.
    """

    def __init__(self, step: int, seen_at: int, reason: str):
        super().__init__(f"at step {step} (seen at step {seen_at}) {reason}")
        self.step, self.seen_at, self.reason = step, seen_at, reason
        # What a step finds wrong may be in the weights that the step before it left,
        # unless it came in with the images.
        self.sick_since = step if reason == _BAD_IMAGES else step - 1


Signs = dict[str, float]


@dataclasses.dataclass
class HealthWatch:
    """Reads vital signs and raises Collapse.

    Attributes:
      say: where warnings go.
      was_diverse: G's images have differed by enough to tell when they no longer do.
      suspect: the last steps look like the beginning of a collapse; what is saved now
        may be sick.
    """

    say: Callable[[str], None] = print
    was_diverse: bool = False
    _first_diverse: int | None = None
    _unread: list[tuple[int, dict[str, Any]]] = dataclasses.field(default_factory=list)
    _alike_steps: int = 0
    _sure_steps: int = 0
    _warned: bool = False

    @property
    def suspect(self) -> bool:
        return self._alike_steps > 0

    def note(self, step: int, metrics: dict[str, tf.Tensor]) -> None:
        """Takes the metrics of `step`; reads them only where many are unread.

        Raises:
          Collapse: see `check`.
        """
        self._unread.append((step, {name: metrics[name] for name in _READ}))
        if len(self._unread) >= _MOST_UNREAD:
            self.check()

    def check(self) -> None:
        """Reads what was noted since the last check.

        Raises:
          Collapse: by one of the rules.
        """
        unread, self._unread = self._unread, []
        for step, signs in _fetch(unread):
            if reason := _broken(signs):
                raise Collapse(step, unread[-1][0], reason)
            if reason := self._one_image(step, signs):
                raise Collapse(step - _ALIKE_STEPS + 1, unread[-1][0], reason)
            self._note_certainty(step, signs)

    def check_state(self, step: int, networks: dict[str, keras.Model]) -> None:
        """What `check` does, and looks at the weights after `step`.

        The last update of a step shows in the step after it, and what is saved comes
        in between.

        Raises:
          Collapse: by one of the rules, or a network's weights are not finite.
        """
        self.check()
        for name, network in networks.items():
            values = [v.value for v in network.variables if "float" in v.dtype]
            if nonfinite(values):
                raise Collapse(step, step, f"the {name}'s weights are not finite")

    def reset(self, step: int, was_diverse: bool) -> None:
        """Forgets what led up to a collapse that was rolled back to `step`.

        Args:
          was_diverse: whether the log says so of the steps up to there.
        """
        self._unread, self._alike_steps, self._sure_steps = [], 0, 0
        seen = self._first_diverse is not None and self._first_diverse <= step
        self.was_diverse = was_diverse or seen

    def _one_image(self, step: int, signs: Signs) -> str:
        """The reason where G gives one image only; "" otherwise."""
        diversity = signs[DIVERSITY]
        if diversity >= _DIVERSE:
            self.was_diverse = True
            self._first_diverse = min(step, self._first_diverse or step)
        alike = self.was_diverse and diversity < _ALIKE
        self._alike_steps = self._alike_steps + 1 if alike else 0
        if self._alike_steps < _ALIKE_STEPS:
            return ""
        return (
            f"the generator's images became nearly one image: over {_ALIKE_STEPS} "
            f"steps they differ by less than {_ALIKE:.0%} of what real ones do, last "
            f"by {diversity:.1%}"
        )

    def _note_certainty(self, step: int, signs: Signs) -> None:
        """Warns once where D has long been right about every image."""
        sure = min(signs[name] for name in _ACCURACIES) >= _SURE
        self._sure_steps = self._sure_steps + 1 if sure else 0
        if self._sure_steps == _SURE_STEPS and not self._warned:
            self._warned = True
            self.say(
                f"Warning: at step {step} the discriminator has told real images from "
                f"generated ones without fail for {_SURE_STEPS} steps. Large GANs do "
                "that while they still improve, so training goes on; if samples do "
                "not improve, start again in a fresh --workdir with a lower "
                "--discriminator_lr."
            )


def was_diverse(rows: Iterable[dict[str, Any]], step: int) -> bool:
    """Whether G's images were diverse by `step`, as far as it was logged."""
    logged = (row.get(DIVERSITY) for row in rows if row["step"] <= step)
    return any(isinstance(x, float) and x >= _DIVERSE for x in logged)


def _fetch(unread: Sequence[tuple[int, dict[str, Any]]]) -> list[tuple[int, Signs]]:
    """The numbers of many steps, one transfer from the device for each sign."""
    if not unread:
        return []
    columns = {
        name: np.asarray(tf.stack([tensors[name] for _, tensors in unread]))
        for name in _READ
    }
    return [
        (step, {name: float(column[row]) for name, column in columns.items()})
        for row, (step, _) in enumerate(unread)
    ]


def _broken(signs: Signs) -> str:
    """The reason where values are not finite or far too large; "" otherwise."""
    if signs[IMAGES]:
        return _BAD_IMAGES
    for name, network in _LOSSES.items():
        if signs[_SIGNS[network]] or not np.isfinite(signs[name]):
            return f"the {network}'s loss or gradients are not finite"
    for name, network in _LOSSES.items():
        if abs(signs[name]) > _DIVERGED_LOSS:
            return (
                f"the {network}'s loss is {signs[name]:.3g}, beyond {_DIVERGED_LOSS:g}"
            )
    return ""
