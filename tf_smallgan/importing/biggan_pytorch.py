"""Residual BigGAN as the repository `ajbrock/BigGAN-PyTorch` keeps it.

State dicts of its `BigGAN.py`, G and D, at 32 to 512 px, of any width, with class
embeddings shared or not and latents whole or in chunks. Their order of conditions,
[class embedding, latent chunk], is ours. Spectral norm is taken as that code takes it
when it samples: one power iteration from the vector in the file.
"""

import functools
from typing import Any

import keras
import numpy as np

from tf_smallgan.config.architectures import (
    BASE_RESOLUTION,
    BIGGAN,
    CLASS_EMBEDDING_DIM,
)
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

_BLOCK = "blocks.{}.0.conv1.weight"


def is_generator(state: StateDict) -> bool:
    """Whether a state dict is of its G."""
    return "output_layer.2.weight" in state


def is_discriminator(state: StateDict) -> bool:
    """Whether a state dict is of its D."""
    return "embed.weight" in state


def read(state: StateDict, discriminator: StateDict | None = None) -> Released:
    """The generator of a state dict, and the discriminator of another.

    Raises:
      InputError: they are not of that repository, or do not fit one another.
    """
    flags = _generator_flags(state)
    row = BIGGAN[flags["resolution"]]
    attended, sizes, fill = _generator_attention(state), None, None
    if discriminator is not None:
        _check_pair(flags, discriminator)
        sizes = _discriminator_attention(discriminator, flags["resolution"])
        fill = functools.partial(_fill_discriminator, discriminator)
    flags["attention_resolutions"] = attention_flag(row, attended, sizes)
    imported = ImportedModel(
        class_embedding_dim=flags.pop("class_embedding_dim", CLASS_EMBEDDING_DIM),
        spectral_norm=False,
    )
    return Released(flags, imported, functools.partial(_fill_generator, state), fill)


def _generator_flags(state: StateDict) -> dict[str, Any]:
    blocks = state.count(_BLOCK)
    sizes = {len(row.generator) - 1: size for size, row in BIGGAN.items()}
    if blocks not in sizes:
        raise InputError(
            f"{state.source} has {blocks} blocks; a generator of BigGAN.py has "
            f"{sorted(sizes)}."
        )
    row = BIGGAN[sizes[blocks]]
    last, name = row.generator[-1], "output_layer.2.weight"
    image_channels, width = state.shape(name)[:2]
    ch = channel_multiplier(width, last, state.source, name)
    chunk = state.shape("linear.weight")[1]
    flags = {
        "architecture": "biggan",
        "resolution": sizes[blocks],
        "image_channels": image_channels,
        "channel_multiplier": ch,
        "shared_embedding": "shared.weight" in state,
    }
    if "shared.weight" in state:
        classes, embedding_dim = state.shape("shared.weight")
        condition = state.shape("blocks.0.0.bn1.gain.weight")[1]
        flags["class_embedding_dim"] = embedding_dim
        flags["skip_latents"] = condition > embedding_dim
    else:
        classes = state.shape("blocks.0.0.bn1.gain.weight")[0]
        flags["skip_latents"] = False
    flags["num_classes"] = classes
    flags["latent_dim"] = chunk * (blocks + 1 if flags["skip_latents"] else 1)
    return flags


def _attends(state: StateDict, block: int) -> bool:
    """Whether attention follows a block: it is the second layer of the group."""
    return f"blocks.{block}.1.gamma" in state


def _generator_attention(state: StateDict) -> list[int]:
    """Resolutions at which G attends."""
    blocks = range(state.count(_BLOCK))
    return [BASE_RESOLUTION * 2 ** (i + 1) for i in blocks if _attends(state, i)]


def _discriminator_attention(state: StateDict, resolution: int) -> list[int]:
    """Resolutions at which D attends."""
    size, sizes = resolution, []
    for i, down in enumerate(BIGGAN[resolution].discriminator_down):
        size = size // 2 if down else size
        if _attends(state, i):
            if not down:
                raise InputError(
                    f"{state.source} attends after block {i}, which does not halve the "
                    "resolution; there is no such network here. Import G alone."
                )
            sizes.append(size)
    return sorted(sizes)


def _check_pair(flags: dict[str, Any], state: StateDict) -> None:
    """Raises InputError unless D is what G's flags describe."""
    row, name = BIGGAN[flags["resolution"]], "blocks.0.0.conv1.weight"
    facts = {
        "blocks": (len(row.discriminator), state.count(_BLOCK)),
        "ch": (
            flags["channel_multiplier"],
            state.shape(name)[0] / row.discriminator[0],
        ),
        "classes": (flags["num_classes"], state.shape("embed.weight")[0]),
    }
    for fact, (expected, found) in facts.items():
        if expected != found:
            raise InputError(
                f"{state.source} is a discriminator with {found:g} {fact} where the "
                f"generator asks for {expected}; import the generator alone, or give "
                "the two of one model."
            )


def _kernel(state: StateDict, name: str) -> np.ndarray:
    """A kernel [O, I(, h, w)] over its norm, where there is one."""
    kernel = state[f"{name}.weight"]
    if f"{name}.u0" not in state:
        return kernel
    matrix = kernel.reshape(kernel.shape[0], -1).astype(np.float64)
    right = unit(matrix.T @ state[f"{name}.u0"].ravel())
    return normalized(kernel, unit(matrix @ right), right)


def _ignored(name: str) -> bool:
    """Singular values are kept for logs only, counters for statistics."""
    return name.split(".")[-1] in ("sv0", "accumulation_counter", "num_batches_tracked")


def _fill_generator(state: StateDict, generator: keras.Model) -> None:
    if generator.embedding is not None:
        name = "shared.weight"
        assign(generator.embedding.weight.kernel, state[name], state, name)
    _fill_first(generator, state)
    for i, block in enumerate(generator.blocks):
        path = f"blocks.{i}.0"
        _fill_convolutions(block, state, path)
        for part in ("1", "2"):
            norm = getattr(block, f"norm{part}")
            _fill_norm(norm, state, f"{path}.bn{part}")
    _fill_attentions(generator, state)
    last, path = generator.last_norm, "output_layer.0"
    assign(last.gain, state[f"{path}.gain"], state, f"{path}.gain")
    assign(last.bias, state[f"{path}.bias"], state, f"{path}.bias")
    _fill_statistics(last, state, path)
    path = "output_layer.2"
    set_convolution(generator.to_image, state, path, _kernel(state, path))
    state.check_all_taken(_ignored)


def _fill_first(generator: keras.Model, state: StateDict) -> None:
    """Their first layer makes [C, 4, 4], ours [4, 4, C]."""
    shape = (generator.first_width, BASE_RESOLUTION, BASE_RESOLUTION, -1)
    kernel, bias = _kernel(state, "linear"), state["linear.bias"]
    order = np.arange(len(bias)).reshape(shape[:3]).transpose(1, 2, 0).ravel()
    assign(
        generator.first.weight.kernel, transposed(kernel[order]), state, "linear.weight"
    )
    assign(generator.first.bias, bias[order], state, "linear.bias")


def _fill_convolutions(block: keras.layers.Layer, state: StateDict, path: str) -> None:
    pairs = (("conv1", "conv1"), ("conv2", "conv2"), ("shortcut", "conv_sc"))
    for part, theirs in pairs:
        layer, name = getattr(block, part), f"{path}.{theirs}"
        if layer is not None:
            set_convolution(layer, state, name, _kernel(state, name))


def _fill_norm(norm: keras.layers.Layer, state: StateDict, path: str) -> None:
    for dense, name in ((norm.gain, f"{path}.gain"), (norm.bias, f"{path}.bias")):
        kernel = _kernel(state, name)
        # A table of gains [K, C] is what multiplies a one-hot class already.
        is_table = f"{name}.u0" not in state and kernel.shape[1] == norm_size(norm)
        kernel = kernel if is_table else transposed(kernel)
        assign(dense.weight.kernel, kernel, state, f"{name}.weight")
    _fill_statistics(norm, state, path)


def norm_size(norm: keras.layers.Layer) -> int:
    """Channels that a batch norm normalises."""
    return norm.statistics.moving_mean.shape[0]


def _fill_statistics(norm: keras.layers.Layer, state: StateDict, path: str) -> None:
    """Moving averages; where they are kept depends on the kind of batch norm."""
    statistics = norm.statistics
    for variable, kind in (
        (statistics.moving_mean, "mean"),
        (statistics.moving_variance, "var"),
    ):
        name = state.first_of(
            f"{path}.stored_{kind}",
            f"{path}.bn.stored_{kind}",
            f"{path}.bn.running_{kind}",
        )
        assign(variable, state[name], state, name)


def _fill_attentions(model: Any, state: StateDict) -> None:
    for number, layer in model.attentions.items():
        path = f"blocks.{number}.1"
        for part, theirs in (("theta",) * 2, ("phi",) * 2, ("g",) * 2, ("out", "o")):
            name = f"{path}.{theirs}"
            set_convolution(getattr(layer, part), state, name, _kernel(state, name))
        assign(layer.gamma, state[f"{path}.gamma"], state, f"{path}.gamma")


def _fill_discriminator(state: StateDict, discriminator: keras.Model) -> None:
    for i, block in enumerate(discriminator.blocks):
        _fill_convolutions(block, state, f"blocks.{i}.0")
    _fill_attentions(discriminator, state)
    linear = transposed(_kernel(state, "linear"))
    assign(discriminator.linear.weight.kernel, linear, state, "linear.weight")
    assign(discriminator.linear.bias, state["linear.bias"], state, "linear.bias")
    table = _kernel(state, "embed")
    assign(discriminator.embedding.weight.kernel, table, state, "embed.weight")
    state.check_all_taken(_ignored)
