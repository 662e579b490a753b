"""What a classifier says of samples: its score, and whether classes are right."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_smallgan.training.gan_library import tfgan

SPLITS = 10


class Score(NamedTuple):
    """A score over all samples, and its mean and deviation over ten parts."""

    value: float
    split_mean: float
    split_deviation: float


def classifier_score(logits: np.ndarray) -> Score:
    """exp(E KL(p(y|x) || p(y))) (Salimans et al. 2016), tensorflow-gan's.

    Called Inception score only where the logits are Inception's. The value over all
    samples is the least biased; papers mostly print the mean over ten parts, which
    is a little lower.

    Args:
      logits: [N, K] in random order.
    """
    parts = np.array_split(logits, min(SPLITS, len(logits)))
    scores = [_score_of(part) for part in parts]
    return Score(_score_of(logits), float(np.mean(scores)), float(np.std(scores)))


def _score_of(logits: np.ndarray) -> float:
    logits = tf.constant(logits, tf.float64)
    return float(tfgan.eval.classifier_score_from_logits(logits))


def conditional_accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of samples that the classifier gives the class that was asked for.

    Args:
      logits: [N, K].
      labels: [N], the classes asked for; each equally often, or the share leans to
        the frequent ones.
    """
    return float(np.mean(logits.argmax(1) == labels))


def class_accuracies(logits: np.ndarray, labels: np.ndarray) -> dict[int, float]:
    """`conditional_accuracy` within each class that was asked for."""
    return {
        int(label): conditional_accuracy(logits[labels == label], label)
        for label in np.unique(labels)
    }


def classes_reached(logits: np.ndarray) -> int:
    """How many classes the classifier gives to at least one sample."""
    return len(np.unique(logits.argmax(1)))
