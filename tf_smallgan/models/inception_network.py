"""The layers of the 2015 Inception network that FID is defined on.

The network is the graph of 5 December 2015 (Szegedy et al., "Rethinking the
Inception Architecture for Computer Vision", with a 1,008-way classifier), not the
later Inception v3 of Keras. Besides its weights it differs in its average pools,
which leave the padding out of the count, and in its last block's pool, which takes
the maximum. Layers carry the names of that graph, with dots for slashes.

Batch normalisation is folded into the convolutions when the weights are converted
(`tf_smallgan.convert_inception`), so each layer is convolution + bias + ReLU.
"""

from __future__ import annotations

import functools

import keras

IMAGE_SIZE = 299
FEATURE_DIM = 2048


def build_network() -> keras.Model:
    """Builds the network with fresh weights.

    Returns:
        A model from [B, 299, 299, 3] in [-1, 127/128] to pool features [B, 2048].
    """
    return _build()[0]


@functools.cache
def conv_shapes() -> dict[str, tuple[int, int, int, int]]:
    """Every convolution's name and kernel shape [H, W, C in, C out], in order.

    The order is the one of the blocks and of the branches within a block, which the
    known PyTorch ports of the network share.
    """
    return {layer.name: tuple(layer.kernel.shape) for layer in _build()[1]}


def _build() -> tuple[keras.Model, list[keras.layers.Conv2D]]:
    graph = _Graph()
    images = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3), name="images")
    return keras.Model(images, graph.network(images), name="inception"), graph.convs


class _Graph:
    """Adds convolutions to a graph of Keras tensors and lists them in order."""

    def __init__(self) -> None:
        self.convs: list[keras.layers.Conv2D] = []

    def conv(
        self,
        x: keras.KerasTensor,
        name: str,
        filters: int,
        kernel: int | tuple[int, int] = 1,
        stride: int = 1,
        padding: str = "",
    ) -> keras.KerasTensor:
        """Convolution, bias and ReLU; padded unless it has a stride."""
        layer = keras.layers.Conv2D(
            filters,
            kernel,
            strides=stride,
            padding=padding or ("same" if stride == 1 else "valid"),
            activation="relu",
            name=name,
        )
        self.convs.append(layer)
        return layer(x)

    def tower(
        self, x: keras.KerasTensor, name: str, *convs: tuple
    ) -> keras.KerasTensor:
        """Convolutions in a row: `name.conv`, `name.conv_1` and so on."""
        for index, conv in enumerate(convs):
            x = self.conv(x, f"{name}.{_numbered('conv', index)}", *conv)
        return x

    def stem(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """[B, 299, 299, 3] to [B, 35, 35, 192]."""
        x = self.conv(x, "conv", 32, 3, 2)
        x = self.conv(x, "conv_1", 32, 3, padding="valid")
        x = self.conv(x, "conv_2", 64, 3)
        x = self.conv(_halving_pool(x), "conv_3", 80)
        x = self.conv(x, "conv_4", 192, 3, padding="valid")
        return _halving_pool(x)

    def square(self, x: keras.KerasTensor, name: str, pool: int) -> keras.KerasTensor:
        """Block at 35 px: square kernels."""
        branches = [
            self.conv(x, f"{name}.conv", 64),
            self.tower(x, f"{name}.tower", (48,), (64, 5)),
            self.tower(x, f"{name}.tower_1", (64,), (96, 3), (96, 3)),
            self.conv(_average_pool(x), f"{name}.tower_2.conv", pool),
        ]
        return _concatenate(branches)

    def halve_to_17(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """Block from 35 to 17 px."""
        branches = [
            self.conv(x, f"{name}.conv", 384, 3, 2),
            self.tower(x, f"{name}.tower", (64,), (96, 3), (96, 3, 2)),
            _halving_pool(x),
        ]
        return _concatenate(branches)

    def factorised(self, x: keras.KerasTensor, name: str, n: int) -> keras.KerasTensor:
        """Block at 17 px: 7x7 kernels as a row and a column, n channels inside."""
        row, column = (n, (1, 7)), (n, (7, 1))
        long = (n,), column, row, column, (192, (1, 7))
        branches = [
            self.conv(x, f"{name}.conv", 192),
            self.tower(x, f"{name}.tower", (n,), row, (192, (7, 1))),
            self.tower(x, f"{name}.tower_1", *long),
            self.conv(_average_pool(x), f"{name}.tower_2.conv", 192),
        ]
        return _concatenate(branches)

    def halve_to_8(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        """Block from 17 to 8 px."""
        long = (192,), (192, (1, 7)), (192, (7, 1)), (192, 3, 2)
        branches = [
            self.tower(x, f"{name}.tower", (192,), (320, 3, 2)),
            self.tower(x, f"{name}.tower_1", *long),
            _halving_pool(x),
        ]
        return _concatenate(branches)

    def fork(self, x: keras.KerasTensor, name: str) -> list[keras.KerasTensor]:
        """A row and a column of three, side by side."""
        row = self.conv(x, f"{name}.mixed.conv", 384, (1, 3))
        return [row, self.conv(x, f"{name}.mixed.conv_1", 384, (3, 1))]

    def forked(
        self, x: keras.KerasTensor, name: str, pooled: keras.KerasTensor
    ) -> keras.KerasTensor:
        """Block at 8 px; `pooled` is x after the block's own kind of pool."""
        branches = [self.conv(x, f"{name}.conv", 320)]
        short = self.tower(x, f"{name}.tower", (384,))
        branches += self.fork(short, f"{name}.tower")
        long = self.tower(x, f"{name}.tower_1", (448,), (384, 3))
        branches += self.fork(long, f"{name}.tower_1")
        branches += [self.conv(pooled, f"{name}.tower_2.conv", 192)]
        return _concatenate(branches)

    def network(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """[B, 299, 299, 3] to [B, 2048]."""
        x = self.stem(x)
        for index, pool in enumerate((32, 64, 64)):
            x = self.square(x, _numbered("mixed", index), pool)
        x = self.halve_to_17(x, "mixed_3")
        for index, n in enumerate((128, 160, 160, 192), start=4):
            x = self.factorised(x, f"mixed_{index}", n)
        x = self.halve_to_8(x, "mixed_8")
        x = self.forked(x, "mixed_9", _average_pool(x))
        x = self.forked(x, "mixed_10", _max_pool(x))
        return keras.layers.GlobalAveragePooling2D(name="pool")(x)


def _numbered(name: str, index: int) -> str:
    return f"{name}_{index}" if index else name


def _concatenate(branches: list[keras.KerasTensor]) -> keras.KerasTensor:
    return keras.layers.Concatenate()(branches)


def _average_pool(x: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.AveragePooling2D(3, 1, padding="same")(x)


def _max_pool(x: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.MaxPooling2D(3, 1, padding="same")(x)


def _halving_pool(x: keras.KerasTensor) -> keras.KerasTensor:
    return keras.layers.MaxPooling2D(3, 2)(x)
