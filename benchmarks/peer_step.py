"""The train function of a checkout of ajbrock/BigGAN-PyTorch, one call a line.

Run by `benchmarks.train_step --peer`, with the Python of an environment that has
PyTorch; imports nothing of ours. Protocol: benchmarks/stopwatch.py.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import stopwatch

sys.path.insert(0, str(Path(__file__).resolve().parent))


def _import_peer(path: str) -> tuple[Any, Any, Any]:
    """Its modules of networks, of the train function and of helpers."""
    sys.path.insert(0, path)
    # Data sets and pictures, which a step on made images does not touch.
    for name in ("torchvision", "datasets", "animal_hash"):
        sys.modules[name] = mock.MagicMock()
        for part in ("transforms", "datasets", "utils"):
            sys.modules[f"{name}.{part}"] = mock.MagicMock()
    import BigGAN
    import train_fns
    import utils

    return BigGAN, train_fns, utils


def _networks(networks: Any, asked: argparse.Namespace) -> tuple[Any, Any, Any]:
    """G, its average and D at the sizes that were asked for."""
    common = {
        "n_classes": asked.classes,
        "resolution": asked.resolution,
        "num_D_SVs": 1,
        "num_G_SVs": 1,
    }
    options = {
        "G_ch": asked.ch,
        "dim_z": asked.latent_dim,
        "G_attn": asked.attention,
        "G_shared": True,
        "shared_dim": 128,
        "hier": True,
        "cross_replica": False,
        "mybn": False,
    }
    return (
        networks.Generator(**options, **common),
        networks.Generator(**options, **common, no_optim=True),
        networks.Discriminator(D_ch=asked.ch, D_attn=asked.attention, **common),
    )


def make_step(asked: argparse.Namespace) -> Callable[[], object]:
    """One whole step: all D updates, one G update, the average; made images."""
    networks, train_functions, utils = _import_peer(asked.peer)
    import torch

    torch.manual_seed(0)
    generator, average, discriminator = _networks(networks, asked)
    latents, labels = utils.prepare_z_y(
        asked.batch, generator.dim_z, asked.classes, device="cpu"
    )
    settings = {
        "batch_size": asked.batch,
        "toggle_grads": True,
        "num_D_steps": asked.updates,
        "num_D_accumulations": 1,
        "num_G_accumulations": 1,
        "split_D": False,
        "D_ortho": 0.0,
        "G_ortho": 0.0,
        "ema": True,
    }
    train = train_functions.GAN_training_function(
        generator,
        discriminator,
        networks.G_D(generator, discriminator),
        latents,
        labels,
        utils.ema(generator, average, 0.9999, 0),
        {"itr": 1},
        settings,
    )
    count = asked.updates * asked.batch
    images = torch.rand(count, 3, asked.resolution, asked.resolution) * 2 - 1
    classes = torch.zeros(count, dtype=torch.int64)
    return lambda: train(images, classes)


def main() -> None:
    """Answers `stopwatch`'s commands."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", required=True)
    parser.add_argument("--attention", required=True)
    for name in ("ch", "resolution", "batch", "updates", "latent_dim", "classes"):
        parser.add_argument(f"--{name}", type=int, required=True)
    step = make_step(parser.parse_args())
    stopwatch.answer(step, {})


if __name__ == "__main__":
    main()
