"""Latents: the prior, and truncated latents for sampling. All stateless.

Truncation has three rules in the field. With t in (0, 1], and beyond 1 for `scale`:

    hub:        z = t * n,  n standard normal redrawn while |n| > 2   (TF-Hub)
    threshold:  z = n,      n standard normal redrawn while |n| > t   (the paper)
    scale:      z = t * n,  n as G is trained, so that 1 cuts nothing

Redrawing is done in one go by the inverse distribution function, so there is no
loop and every latent costs the same.
"""

import math
from typing import Any

import tensorflow as tf

from tf_smallgan import randomness

HUB_CUT = 2.0


def truncated_normal(shape: Any, seed: tf.Tensor, cut: tf.Tensor | float) -> tf.Tensor:
    """Standard normals conditioned on |n| <= cut, by the inverse CDF.

    Args:
      shape: the result's.
      seed: [2] integers.
      cut: positive, broadcastable to shape.
    """
    return cut_normal(randomness.uniform(shape, seed, -1.0, 1.0), cut)


def cut_normal(uniform: tf.Tensor, cut: tf.Tensor | float) -> tf.Tensor:
    """Uniforms in [-1, 1) to standard normals conditioned on |n| <= cut."""
    inside = tf.math.erf(tf.convert_to_tensor(cut, tf.float32) / math.sqrt(2.0))
    # erfinv(+-1) is infinite: stay a hair inside.
    limit = 1.0 - 1e-7
    values = math.sqrt(2.0) * tf.math.erfinv(
        tf.clip_by_value(uniform * inside, -limit, limit)
    )
    return tf.clip_by_value(values, -tf.convert_to_tensor(cut), cut)


def sample_prior(distribution: str, shape: Any, seed: tf.Tensor) -> tf.Tensor:
    """Training latents [..., Z] float32: normal, uniform in (-1, 1), or cut at 2."""
    if distribution == "normal":
        return randomness.normal(shape, seed)
    if distribution == "uniform":
        return randomness.uniform(shape, seed, -1.0, 1.0)
    return truncated_normal(shape, seed, HUB_CUT)


def sample_truncated(
    rule: str,
    distribution: str,
    shape: Any,
    seed: tf.Tensor,
    truncation: tf.Tensor | float,
) -> tf.Tensor:
    """Latents [B, Z] for sampling at `truncation`, scalar or [B].

    A uniform prior has no tails to cut: under each rule it is scaled.
    """
    uniform = randomness.uniform(shape, seed, -1.0, 1.0)
    return truncate_uniform(rule, distribution, uniform, truncation)


def truncate_uniform(
    rule: str,
    distribution: str,
    uniform: tf.Tensor,
    truncation: tf.Tensor | float,
) -> tf.Tensor:
    """Uniforms [B, Z] in [-1, 1) to latents at `truncation`, scalar or [B]."""
    truncation = tf.convert_to_tensor(truncation, tf.float32)
    if truncation.shape.rank == 1:
        truncation = truncation[:, None]
    if distribution == "uniform":
        return truncation * uniform
    if rule == "threshold":
        return cut_normal(uniform, truncation)
    whole = rule == "scale" and distribution == "normal"
    return truncation * cut_normal(uniform, math.inf if whole else HUB_CUT)
