"""The train function of a checkout of ajbrock/BigGAN-PyTorch, one call a line.

Run by `benchmarks.train_step --peer`, with the Python of an environment that has
PyTorch; imports nothing of ours. Protocol: benchmarks/stopwatch.py.
"""

import argparse
import sys
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))

import stopwatch


def make_step(asked: argparse.Namespace):
    """One whole step: two or more D updates, one G update, EMA; made images."""
    sys.path.insert(0, asked.peer)
    # Data sets and pictures, which a step on made images does not touch.
    for name in ("torchvision", "datasets", "animal_hash"):
        sys.modules[name] = mock.MagicMock()
        for part in ("transforms", "datasets", "utils"):
            sys.modules[f"{name}.{part}"] = mock.MagicMock()
    import BigGAN
    import torch
    import train_fns
    import utils

    torch.manual_seed(0)
    common = {
        "n_classes": asked.classes,
        "resolution": asked.resolution,
        "num_D_SVs": 1,
        "num_G_SVs": 1,
    }
    generator_options = {
        "G_ch": asked.ch,
        "dim_z": asked.latent_dim,
        "G_attn": asked.attention,
        "G_shared": True,
        "shared_dim": 128,
        "hier": True,
        "cross_replica": False,
        "mybn": False,
    }
    generator = BigGAN.Generator(**generator_options, **common)
    average = BigGAN.Generator(**generator_options, **common, no_optim=True)
    discriminator = BigGAN.Discriminator(
        D_ch=asked.ch, D_attn=asked.attention, **common
    )
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
    state = {"itr": 1}
    train = train_fns.GAN_training_function(
        generator,
        discriminator,
        BigGAN.G_D(generator, discriminator),
        latents,
        labels,
        utils.ema(generator, average, 0.9999, 0),
        state,
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
