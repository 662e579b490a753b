"""BigGAN-deep generators as the PyPI package `pytorch-pretrained-biggan` keeps them.

A state dict of its `BigGAN` at 128, 256 or 512 px, of any width. Its conditions are
[latent, class embedding], ours [class embedding, latent]. Each batch norm brings 51
rows of standing statistics, at truncations 0, 0.02, ..., 1, which are interpolated.

The package interpolates the wrong way round: at a truncation between two rows, the
farther row weighs more there (`model.py`, `BigGANBatchNorm.forward`). It divides the
truncation by 0.02 to find its place, so that rounding puts some values of the grid
(0.3, 0.14, ...) between two rows too, and it then takes the row below. Here a value
of the grid takes its own row and others are interpolated the right way round.
"""

import functools

import keras
import numpy as np

from tf_smallgan.config.architectures import BASE_RESOLUTION, BIGGAN_DEEP
from tf_smallgan.config.flags import ImportedModel
from tf_smallgan.errors import InputError
from tf_smallgan.importing.state_dict import (
    Released,
    StateDict,
    assign,
    attention_flag,
    channel_multiplier,
    normalized,
    set_convolution,
    transposed,
    unit,
)

# The package's, in its config; TensorFlow's modules have it too.
EPSILON = 1e-4
_LAYERS = "generator.layers"


def read(state: StateDict) -> Released:
    """The generator of a state dict.

    Raises:
      InputError: it is not one of that package.
    """
    blocks, attention = _layers(state)
    resolutions = {len(row.generator) - 1: size for size, row in BIGGAN_DEEP.items()}
    if len(blocks) not in resolutions:
        raise InputError(
            f"{state.source} has {len(blocks)} blocks under {_LAYERS}; BigGAN-deep has "
            f"{sorted(resolutions)}. Give a state dict of pytorch-pretrained-biggan."
        )
    resolution = resolutions[len(blocks)]
    row = BIGGAN_DEEP[resolution]
    embedding_dim, num_classes = state.shape("embeddings.weight")
    first_name = "generator.gen_z.weight_orig"
    first_width, condition = state.shape(first_name)
    ch = channel_multiplier(
        first_width, BASE_RESOLUTION**2 * row.generator[0], state.source, first_name
    )
    statistics = state.shape("generator.bn.running_means")[0]
    grid = [round(i / (statistics - 1), 6) for i in range(statistics)]
    attended = [BASE_RESOLUTION * 2 ** (n // 2) for n in attention.values()]
    flags = {
        "architecture": "biggan_deep",
        "resolution": resolution,
        "image_channels": 3,
        "num_classes": num_classes,
        "channel_multiplier": ch,
        "latent_dim": condition - embedding_dim,
        "attention_resolutions": attention_flag(row, attended, attended),
    }
    imported = ImportedModel(
        batch_norm_epsilon=EPSILON,
        class_embedding_dim=embedding_dim,
        spectral_norm=False,
        statistics_truncations=tuple(grid),
    )
    return Released(flags, imported, functools.partial(_fill, state))


def _layers(state: StateDict) -> tuple[list[str], dict[str, int]]:
    """Names of the blocks, and by an attention's name how many come before it."""
    blocks: list[str] = []
    attention: dict[str, int] = {}
    while True:
        name = f"{_LAYERS}.{len(blocks) + len(attention)}"
        if f"{name}.gamma" in state:
            attention[name] = len(blocks)
        elif f"{name}.conv_0.weight_orig" in state:
            blocks.append(name)
        else:
            return blocks, attention


def _kernel(state: StateDict, name: str) -> np.ndarray:
    """A kernel [O, I(, h, w)] over its norm."""
    kernel, left = state[f"{name}.weight_orig"], state[f"{name}.weight_u"]
    if f"{name}.weight_v" in state:
        right = state[f"{name}.weight_v"]
    else:  # Files from before PyTorch 1.0.1 keep one of the two vectors.
        right = unit(kernel.reshape(kernel.shape[0], -1).T @ left)
    return normalized(kernel, left, right)


def _fill(state: StateDict, generator: keras.Model) -> None:
    embedding = state["embeddings.weight"].T
    assign(generator.embedding.weight.kernel, embedding, state, "embeddings.weight")
    name = "generator.gen_z"
    first, latent_dim = generator.first, generator.latent_dim
    kernel = _swapped(_kernel(state, name), latent_dim)
    assign(first.weight.kernel, kernel, state, f"{name}.weight_orig")
    assign(first.bias, state[f"{name}.bias"], state, f"{name}.bias")
    names, attention = _layers(state)
    for block, name in zip(generator.blocks, names, strict=True):
        for i in range(4):
            _fill_norm(
                getattr(block, f"norm{i + 1}"), state, f"{name}.bn_{i}", latent_dim
            )
            convolution, path = getattr(block, f"conv{i + 1}"), f"{name}.conv_{i}"
            set_convolution(convolution, state, path, _kernel(state, path))
    for name, number in attention.items():
        layer = generator.attentions[str(number - 1)]
        for part, theirs in (
            ("theta", "theta"),
            ("phi", "phi"),
            ("g", "g"),
            ("out", "o_conv"),
        ):
            path = f"{name}.snconv1x1_{theirs}"
            set_convolution(getattr(layer, part), state, path, _kernel(state, path))
        assign(layer.gamma, state[f"{name}.gamma"].reshape(()), state, f"{name}.gamma")
    _fill_last(generator, state)
    state.check_all_taken(lambda name: name.endswith((".weight", ".weight_v")))


def _swapped(kernel: np.ndarray, latent_dim: int) -> np.ndarray:
    """[O, latent + embedding] -> [embedding + latent, O]."""
    return transposed(np.roll(kernel, -latent_dim, axis=1))


def _fill_norm(
    norm: keras.layers.Layer, state: StateDict, name: str, latent_dim: int
) -> None:
    for dense, theirs in ((norm.gain, "scale"), (norm.bias, "offset")):
        path = f"{name}.{theirs}"
        kernel = _swapped(_kernel(state, path), latent_dim)
        assign(dense.weight.kernel, kernel, state, f"{path}.weight_orig")
    _fill_statistics(norm, state, name)


def _fill_statistics(norm: keras.layers.Layer, state: StateDict, name: str) -> None:
    """The table, and its last row, truncation 1, as the moving statistics."""
    statistics = norm.statistics
    for table, moving, theirs in (
        (statistics.table_mean, statistics.moving_mean, "running_means"),
        (statistics.table_variance, statistics.moving_variance, "running_vars"),
    ):
        path = f"{name}.{theirs}"
        assign(table, state[path], state, path)
        assign(moving, state[path][-1], state, path)


def _fill_last(generator: keras.Model, state: StateDict) -> None:
    norm, name = generator.last_norm, "generator.bn"
    assign(norm.gain, state[f"{name}.weight"], state, f"{name}.weight")
    assign(norm.bias, state[f"{name}.bias"], state, f"{name}.bias")
    _fill_statistics(norm, state, name)
    path = "generator.conv_to_rgb"
    set_convolution(generator.to_image, state, path, _kernel(state, path))
