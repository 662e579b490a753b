"""Makes a workdir of networks that others released, without PyTorch.

    python -m tf_smallgan.import_weights --format=hf \
        --source=pytorch_model.bin --workdir=runs/biggan-deep-128
    python -m tf_smallgan.import_weights --format=biggan_pytorch \
        --source=G_ema.pth,D.pth --workdir=runs/biggan

`hf` reads the BigGAN-deep generators of the PyPI package pytorch-pretrained-biggan,
`biggan_pytorch` residual generators, with or without their discriminator, of the
repository ajbrock/BigGAN-PyTorch. `sample`, `evaluate` and `export` take the workdir
as they take a trained one. Kernels come with spectral norm divided out, so that
training does not go on from it.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from absl import app, flags

from tf_smallgan import config as config_lib
from tf_smallgan.config import Config, defaults
from tf_smallgan.errors import InputError
from tf_smallgan.importing import biggan_pytorch, hf
from tf_smallgan.importing.state_dict import Released, StateDict
from tf_smallgan.importing.torch_archive import read_tensors
from tf_smallgan.models.factory import build_discriminator, build_generator
from tf_smallgan.models.initializers import weights_follow
from tf_smallgan.workdir import Workdir

FORMATS = ("hf", "biggan_pytorch")
_IMAGENET_CLASSES = 1000
# In a folder: the first that there is of each group.
_NAMES = {
    "hf": (("pytorch_model.bin",),),
    "biggan_pytorch": (("G_ema.pth", "G.pth"), ("D.pth",)),
}


def import_weights(
    sources: Sequence[str], layout: str, workdir: str, dataset: str = ""
) -> Config:
    """Writes flags.cfg and a checkpoint of the networks of a source.

    Args:
      sources: files, or one folder that holds them under their usual names.
      layout: one of FORMATS.
      workdir: a folder without checkpoints.
      dataset: --dataset of the workdir; imagenet2012 where there are 1,000 classes.

    Returns:
      The workdir's config, completed.

    Raises:
      InputError: a source that is not of that format, or a workdir in use.
    """
    target = Workdir(workdir)
    if target.has_checkpoint():
        raise InputError(
            f"--workdir={workdir} holds checkpoints already; name a folder that does "
            "not, so that nothing is lost."
        )
    released = _read([_open(path) for path in _paths(sources, layout)], layout)
    config = _config(released, workdir, dataset)
    spec = defaults.model_spec(config)
    with weights_follow():
        networks = {"average": build_generator(spec, name="average")}
        if released.fill_discriminator is not None:
            networks["discriminator"] = build_discriminator(spec)
    released.fill_generator(networks["average"])
    if released.fill_discriminator is not None:
        released.fill_discriminator(networks["discriminator"])
    target.open(config)
    _save(target, networks)
    return config


def _paths(sources: Sequence[str], layout: str) -> list[Path]:
    paths = [Path(source) for source in sources]
    if len(paths) == 1 and paths[0].is_dir():
        groups = [[paths[0] / name for name in group] for group in _NAMES[layout]]
        found = [next((p for p in group if p.is_file()), None) for group in groups]
        if found[0] is None:
            names = " or ".join(_NAMES[layout][0])
            raise InputError(
                f"--source={paths[0]} is a folder without {names}; name the file."
            )
        return [path for path in found if path is not None]
    for path in paths:
        if not path.is_file():
            raise InputError(
                f"--source={path}: there is no such file; give the state dict that "
                "--format names."
            )
    return paths


def _open(path: Path) -> StateDict:
    with open(path, "rb") as file:
        return StateDict(read_tensors(file, str(path)), str(path))


def _read(states: list[StateDict], layout: str) -> Released:
    """The networks of some state dicts, told apart by their arrays' names."""
    if layout == "hf":
        if len(states) != 1:
            raise InputError("--format=hf takes one file: it has no discriminator.")
        return hf.read(states[0])
    generators = [s for s in states if biggan_pytorch.is_generator(s)]
    discriminators = [s for s in states if biggan_pytorch.is_discriminator(s)]
    counts = len(generators), len(discriminators)
    if counts not in ((1, 0), (1, 1)) or sum(counts) != len(states):
        named = ", ".join(s.source for s in states)
        raise InputError(
            f"--source: of {named or 'nothing'}, {counts[0]} are generators and "
            f"{counts[1]} discriminators of BigGAN-PyTorch's BigGAN.py; give one "
            "generator, and at most one discriminator."
        )
    return biggan_pytorch.read(generators[0], *discriminators)


def _config(released: Released, workdir: str, dataset: str) -> Config:
    if not dataset:
        imagenet = released.flags["num_classes"] == _IMAGENET_CLASSES
        dataset = "imagenet2012" if imagenet else "image_folder"
    values: dict[str, Any] = released.flags | {
        "workdir": workdir,
        "dataset": dataset,
        "conditional": True,
    }
    arguments = [f"--{k}={v}" for k, v in values.items() if v is not None]
    config = dataclasses.replace(
        config_lib.parse(arguments), imported=released.imported
    )
    return defaults.with_defaults(config)


def _save(workdir: Workdir, networks: dict[str, Any]) -> None:
    step = tf.Variable(0, dtype=tf.int64, trainable=False)
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(step=step, **networks),
        str(workdir.checkpoints),
        max_to_keep=1,
        checkpoint_name="step",
    )
    try:
        manager.save(checkpoint_number=0)
    except tf.errors.OpError as error:
        raise InputError(
            f"The checkpoint could not be written to {workdir.checkpoints}: "
            f"{error.message}. Make room and run the same command again."
        ) from error


def main() -> None:
    """The command. Its flags exist only once it runs, so importing defines none."""
    source = flags.DEFINE_list(
        "source", None, "File or comma list of files, or their folder.", required=True
    )
    layout = flags.DEFINE_enum(
        "format", None, FORMATS, "Whose files they are.", required=True
    )
    workdir = flags.DEFINE_string("workdir", None, "Folder to make.", required=True)
    dataset = flags.DEFINE_string(
        "dataset",
        "",
        "The data set they were trained on; imagenet2012 for 1,000 classes.",
    )

    def command(_: Sequence[str]) -> None:
        try:
            config = import_weights(
                source.value, layout.value, workdir.value, dataset.value
            )
        except InputError as error:
            print(error, file=sys.stderr)
            sys.exit(2)
        model = config.model
        print(
            f"Imported {model.architecture} {config.data.resolution} px, "
            f"{config.data.num_classes} classes, ch {model.channel_multiplier}, latent "
            f"{model.latent_dim}: {workdir.value}"
        )

    app.run(command)


if __name__ == "__main__":
    main()
