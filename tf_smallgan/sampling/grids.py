"""Pictures of samples: PNG sheets, the `sample` command, grids while training."""

import math
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf_smallgan.config import Config, defaults
from tf_smallgan.config.commands import SampleConfig, SampleFlags
from tf_smallgan.distribution.strategy import whole_float32
from tf_smallgan.errors import InputError
from tf_smallgan.files import replacing, write_arrays
from tf_smallgan.sampling.generators import gather, open_generator
from tf_smallgan.sampling.sampler import Sampler, balanced_labels
from tf_smallgan.sampling.standing import images_a_pass, state_kept
from tf_smallgan.training.logs import TensorBoard
from tf_smallgan.training.state import TrainingState
from tf_smallgan.workdir import (
    Workdir,
    check_exported_truncation,
    check_local,
    check_writable,
)

_GAP_PIXELS = 2
_SMALLEST_TILE_PIXELS = 64
# TensorFlow writes no PNG of more.
MOST_VALUES = 2**31 - 2


def sheet(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Tiles images on white, enlarged by whole factors where they are small.

    Args:
      images: [N, H, W, C] uint8, C 1 or 3.
      columns: tiles a row; about as many as rows when not given.

    Returns:
      [height, width, C] uint8.
    """
    count, *shape = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    factor = _factor(shape[0])
    height, width = shape[0] * factor, shape[1] * factor
    canvas = np.full(sheet_shape(count, columns, shape), 255, np.uint8)
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        top = _GAP_PIXELS + row * (height + _GAP_PIXELS)
        left = _GAP_PIXELS + column * (width + _GAP_PIXELS)
        large = image.repeat(factor, axis=0).repeat(factor, axis=1)
        canvas[top : top + height, left : left + width] = large
    return canvas


def sheet_shape(
    count: int, columns: int, image_shape: Sequence[int]
) -> tuple[int, int, int]:
    """(height, width, C) of a sheet of `count` images of shape (H, W, C)."""
    height, width, channels = image_shape
    factor = _factor(height)
    return (
        math.ceil(count / columns) * (height * factor + _GAP_PIXELS) + _GAP_PIXELS,
        columns * (width * factor + _GAP_PIXELS) + _GAP_PIXELS,
        channels,
    )


def _factor(height: int) -> int:
    """How many times as large a tile is drawn."""
    return max(1, _SMALLEST_TILE_PIXELS // height)


def write_png(path: str | pathlib.Path, image: np.ndarray) -> None:
    """Writes image [H, W, C] uint8."""
    with replacing(path) as partial:
        partial.write_bytes(tf.io.encode_png(image).numpy())


_DEFAULT_COUNT = 64
_COLUMNS = 10
_MOST_ROWS = 100


@whole_float32()
def write_samples(config: SampleConfig) -> None:
    """Draws what the config's `sample` section asks for into --out.

    Raises:
      InputError: a flag does not fit, or there is nothing to sample from.
    """
    wanted = config.sample
    check_local("out", wanted.out)
    if wanted.export_dir:
        check_exported_truncation(wanted.export_dir, wanted.truncation, "truncation")
    else:
        defaults.check_truncations(config, [wanted.truncation], "truncation")
    suffix = pathlib.Path(wanted.out).suffix
    if suffix not in (".png", ".npz"):
        raise InputError(
            f"--out={wanted.out} ends in neither .png (a picture) nor .npz (arrays)."
        )
    check_writable("out", pathlib.Path(wanted.out).parent)
    generator = open_generator(config)
    labels = _labels(wanted, generator.num_classes)
    columns = _columns(wanted, labels)
    if suffix == ".png":
        walks = wanted.layout == "interpolation"
        count = (len(labels) - 1) * columns if walks else len(labels)
        _check_sheet(count, columns, generator.image_shape)
    if wanted.layout == "interpolation":
        images = generator.interpolate(labels, columns, wanted.truncation)
    else:
        batches = generator.images(labels, wanted.truncation)
        images = gather(batches, len(labels), generator.image_shape)
    if suffix == ".npz":
        arrays = {"images": images, **_described(wanted, labels)}
        write_arrays(pathlib.Path(wanted.out), arrays)
    else:
        write_png(wanted.out, sheet(images, columns))
    print(
        f"{len(images)} images at truncation {wanted.truncation} from "
        f"{generator.origin}: {wanted.out}"
    )


def _labels(wanted: SampleFlags, num_classes: int) -> np.ndarray:
    """The label of each image that is asked for, row by row.

    Of an interpolation those that its rows lead from and to, one more than rows.
    """
    count = wanted.count or _DEFAULT_COUNT
    classes = _classes(wanted, num_classes)
    if wanted.layout == "classes":
        return np.repeat(classes, _images_a_class(wanted, len(classes)))
    if wanted.layout == "interpolation":
        return np.resize(classes, _rows(wanted) + 1)
    if count < len(classes):  # As far apart as they can be.
        return classes[np.arange(count) * len(classes) // count]
    return classes[balanced_labels(count, len(classes))]


def _rows(wanted: SampleFlags) -> int:
    """Of an interpolation: each leads from a class to the next of the list.

    Raises:
      InputError: --count is not of whole rows, or of too few to reach every class.
    """
    least = max(len(wanted.label or ()) - 1, 1)
    if wanted.count is None:
        return max(_DEFAULT_COUNT // _COLUMNS, least)
    rows, more = divmod(wanted.count, _COLUMNS)
    if more:
        raise InputError(
            f"--count={wanted.count}: --layout=interpolation has rows of {_COLUMNS} "
            f"images; give {_COLUMNS * max(rows, least)} or "
            f"{_COLUMNS * (max(rows, least) + 1)}."
        )
    if rows < least:
        raise InputError(
            f"--count={wanted.count}: a walk through the {least + 1} classes of "
            f"--label has {least} rows of {_COLUMNS} images; give at least "
            f"--count={_COLUMNS * least}."
        )
    return rows


def _classes(wanted: SampleFlags, num_classes: int) -> np.ndarray:
    """Those that are asked for, all by default; of an unconditional generator [0].

    Raises:
      InputError: there is no such class, or there are none.
    """
    if num_classes:
        classes = np.array(wanted.label or range(num_classes), np.int32)
        _check_labels(classes, num_classes)
        return classes
    if wanted.label:
        raise InputError(
            f"--label={wanted.label[0]} was given, but this generator is "
            "unconditional; leave it out."
        )
    if wanted.layout == "classes":
        raise InputError(
            "--layout=classes has a row a class, and this generator is unconditional; "
            "give --layout=grid."
        )
    return np.zeros(1, np.int32)


def _images_a_class(wanted: SampleFlags, classes: int) -> int:
    """Columns of a sheet with a row a class.

    Raises:
      InputError: --count has not one for each, or is needed as the classes are many.
    """
    if wanted.count is None and classes <= _MOST_ROWS:
        return _COLUMNS
    count = wanted.count or 0
    if count < classes:
        raise InputError(
            f"--layout=classes has a row for each of {classes:,} classes: give a "
            f"--count of at least {classes}, or name some classes with --label=0,1."
        )
    return count // classes


def _check_labels(labels: np.ndarray, num_classes: int) -> None:
    for label in labels:
        if not 0 <= label < num_classes:
            raise InputError(
                f"--label={label} is not a class; classes are 0 to {num_classes - 1}."
            )


def _columns(wanted: SampleFlags, labels: np.ndarray) -> int:
    """Of the sheet: a row a class or a step between two, else about as many as rows."""
    if wanted.layout == "interpolation":
        return _COLUMNS
    if wanted.layout == "classes":
        return len(labels) // len(np.unique(labels))
    return len(labels) // max(round(len(labels) ** 0.5), 1)


def _check_sheet(count: int, columns: int, image_shape: tuple[int, int, int]) -> None:
    """Raises InputError for a sheet that is too large for a PNG, before it is drawn."""
    height, width, channels = sheet_shape(count, columns, image_shape)
    if height * width * channels > MOST_VALUES:
        raise InputError(
            f"{count:,} images make a sheet of {width:,} x {height:,} pixels, more "
            "than a PNG can hold; give a smaller --count, or --out=NAME.npz."
        )


def _described(wanted: SampleFlags, labels: np.ndarray) -> dict[str, np.ndarray]:
    """What each image is of, an array of one entry an image each.

    Its label; of an interpolation the labels between which it lies, and how far.
    """
    if wanted.layout != "interpolation":
        return {"labels": labels}
    return {
        "from_labels": np.repeat(labels[:-1], _COLUMNS),
        "to_labels": np.repeat(labels[1:], _COLUMNS),
        "fractions": np.tile(np.linspace(0, 1, _COLUMNS), len(labels) - 1),
    }


_STANDING_BATCHES = 16
_PREVIEW_ROWS, _PREVIEW_COLUMNS = 10, 10


class Preview:
    """Sample grids of the averaged generator while training: a row a class."""

    def __init__(
        self, config: Config, state: TrainingState, workdir: Workdir, board: TensorBoard
    ):
        self._spec = defaults.model_spec(config)
        self._config, self._state = config, state
        self._workdir, self._board = workdir, board
        self._sampler: Sampler | None = None

    @whole_float32()
    def write(self, step: int) -> None:
        """Writes samples/step-N.png, the same latents every time."""
        with state_kept(self._state.average):
            sheet = self._sheet()
        write_png(self._workdir.samples / f"step-{step:07}.png", sheet)
        self._board.image(step, "samples", sheet)

    def _sheet(self) -> np.ndarray:
        sampler = self._fresh_sampler()
        rows = min(self._spec.num_classes or _PREVIEW_ROWS, _PREVIEW_ROWS)
        labels = np.repeat(np.arange(rows, dtype=np.int32), _PREVIEW_COLUMNS)
        images = sampler.images(
            sampler.latents(len(labels)), labels if self._spec.num_classes else None
        )
        return sheet(images, _PREVIEW_COLUMNS)

    def _fresh_sampler(self) -> Sampler:
        """Traced at the first call, fitted to the weights at each."""
        if self._sampler is not None:
            self._sampler.refresh()
            return self._sampler
        self._sampler = Sampler(
            self._state.average,
            self._spec,
            rule=self._config.sampling.truncation_rule,
            batch_size=min(
                self._config.training.batch_size, images_a_pass(self._spec.resolution)
            ),
            seed=self._config.run.seed,
            standing_batches=_STANDING_BATCHES,
        )
        return self._sampler
