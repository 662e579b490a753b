"""State dicts with the names and shapes of released networks, made without PyTorch."""

import numpy as np

from tf_smallgan.config.architectures import BIGGAN, BIGGAN_DEEP

CLASSES, LATENT, EMBEDDING, CH, ROWS = 3, 5, 6, 4, 51


def _random(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = {}
    for name, shape in shapes.items():
        array = rng.standard_normal(shape)
        arrays[name] = 1 + np.abs(array) if "var" in name else 0.3 * array
    for name in [name for name in arrays if name.endswith("weight_orig")]:
        matrix = arrays[name].reshape(len(arrays[name]), -1)
        left, _, right = np.linalg.svd(matrix, full_matrices=False)
        # Near the singular vectors, but not there.
        for kind, vector in (("u", left[:, 0]), ("v", right[0])):
            noise = 0.1 * rng.standard_normal(len(vector))
            arrays[name[:-4] + kind] = vector + noise / len(vector) ** 0.5
    return arrays


def _kernel(name, *shape, bias=True):
    """A spectrally normalised kernel as PyTorch's own hook keeps it."""
    shapes = {
        f"{name}.weight_orig": shape,
        f"{name}.weight_u": shape[:1],
        f"{name}.weight_v": (int(np.prod(shape[1:])),),
    }
    return shapes | ({f"{name}.bias": shape[:1]} if bias else {})


def _table(name, channels):
    return {f"{name}.running_{kind}": (ROWS, channels) for kind in ("means", "vars")}


def deep_state() -> dict[str, np.ndarray]:
    """A small BigGAN-deep at 128 px as pytorch-pretrained-biggan keeps it."""
    condition = LATENT + EMBEDDING
    shapes = {"embeddings.weight": (EMBEDDING, CLASSES)}
    widths = [CH * w for w in BIGGAN_DEEP[128].generator]
    shapes |= _kernel("generator.gen_z", 16 * widths[0], condition)
    for i, (inputs, outputs) in enumerate(zip(widths[:-1], widths[1:])):
        layer = f"generator.layers.{i + (i >= 8)}"
        hidden = inputs // 4
        sizes = [(inputs, hidden, 1), (hidden, hidden, 3)]
        sizes += [(hidden, hidden, 3), (hidden, outputs, 1)]
        for j, (a, b, size) in enumerate(sizes):
            shapes |= _kernel(f"{layer}.conv_{j}", b, a, size, size)
            shapes |= _table(f"{layer}.bn_{j}", a)
            for part in ("scale", "offset"):
                name = f"{layer}.bn_{j}.{part}"
                shapes |= _kernel(name, a, condition, bias=False)
    c, attention = 2 * CH, "generator.layers.8"
    parts = {"theta": (1, c), "phi": (1, c), "g": (c // 2, c), "o_conv": (c, c // 2)}
    for part, (b, a) in parts.items():
        shapes |= _kernel(f"{attention}.snconv1x1_{part}", b, a, 1, 1, bias=False)
    shapes |= {f"{attention}.gamma": (1,)}
    shapes |= {"generator.bn.weight": (CH,), "generator.bn.bias": (CH,)}
    shapes |= _table("generator.bn", CH)
    shapes |= _kernel("generator.conv_to_rgb", CH, CH, 3, 3)
    return _random(shapes)


def _port_kernel(name, *shape, bias=True):
    """A spectrally normalised kernel as BigGAN-PyTorch keeps it."""
    shapes = {f"{name}.weight": shape, f"{name}.u0": (1, shape[0]), f"{name}.sv0": (1,)}
    return shapes | ({f"{name}.bias": shape[:1]} if bias else {})


def residual_states() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A small G and D at 32 px as BigGAN-PyTorch keeps them."""
    c, chunk = 4 * CH, 2
    g = {"shared.weight": (CLASSES, EMBEDDING)} | _port_kernel("linear", 16 * c, chunk)
    for i in range(3):
        block = f"blocks.{i}.0"
        for name, a, size in (("conv1", c, 3), ("conv2", c, 3), ("conv_sc", c, 1)):
            g |= _port_kernel(f"{block}.{name}", c, a, size, size)
        for norm in ("bn1", "bn2"):
            for part in ("gain", "bias"):
                name = f"{block}.{norm}.{part}"
                g |= _port_kernel(name, c, EMBEDDING + chunk, bias=False)
            g |= {f"{block}.{norm}.stored_{kind}": (c,) for kind in ("mean", "var")}
    names = ("gain", "bias", "stored_mean", "stored_var")
    g |= {f"output_layer.0.{name}": (c,) for name in names}
    g |= _port_kernel("output_layer.2", 3, c, 3, 3)
    d = _port_kernel("linear", 1, c) | _port_kernel("embed", CLASSES, c, bias=False)
    for i, down in enumerate(BIGGAN[32].discriminator_down):
        a = 3 if i == 0 else c
        d |= _port_kernel(f"blocks.{i}.0.conv1", c, a, 3, 3)
        d |= _port_kernel(f"blocks.{i}.0.conv2", c, c, 3, 3)
        d |= _port_kernel(f"blocks.{i}.0.conv_sc", c, a, 1, 1) if down else {}
    return _random(g), _random(d)
