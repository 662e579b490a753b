"""Gathers the pictures of a report."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf_smallgan import pictures
from tf_smallgan.data import images
from tf_smallgan.evaluation.evaluator import Evaluation, Measure
from tf_smallgan.evaluation.report_content import Pair
from tf_smallgan.evaluation.supply import Supply
from tf_smallgan.preparation import TrainingData

_CLASSES, _PER_CLASS, _COLUMNS = 12, 8, 4
_UNCONDITIONAL = 32
_NEAREST, _RANDOM = 6, 6


def class_sheets(supply: Supply, truncation: float) -> dict[int, np.ndarray]:
    """Sheets [height, width, C] of random samples by class, of up to 12 classes.

    Classes are spread evenly over all; without classes there is one sheet.
    """
    count = min(supply.num_classes, _CLASSES)
    if not count:
        labels = np.zeros(_UNCONDITIONAL, np.int32)
        return {0: pictures.sheet(_draw(supply, labels, truncation), _COLUMNS * 2)}
    classes = np.linspace(0, supply.num_classes - 1, count).round().astype(np.int32)
    drawn = _draw(supply, classes.repeat(_PER_CLASS), truncation)
    return {
        int(label): pictures.sheet(part, _COLUMNS)
        for label, part in zip(classes, np.split(drawn, count))
    }


def _draw(supply: Supply, labels: np.ndarray, truncation: float) -> np.ndarray:
    return np.concatenate([batch for batch, _ in supply.images(labels, truncation)])


def nearest_pairs(
    evaluation: Evaluation, measures: Sequence[Measure], data: TrainingData
) -> dict[str, list[Pair]]:
    """The samples nearest to a training image, then other ones, by space.

    Left out for references of which `data` has not all images.
    """
    pairs = {}
    for space, reference in measures:
        found = evaluation.scores[space.name].nearest
        if found is None or reference.digests is None:
            continue
        records = data.table.records_of(reference.digests)
        if records is None:
            continue
        near = found.distances[: len(evaluation.images)].argsort()
        chosen = [*near[:_NEAREST], *np.sort(near[_NEAREST:])[:_RANDOM]]
        pairs[space.name] = [
            Pair(
                evaluation.images[i],
                training_image(data, int(records[found.rows[i]])),
                float(found.distances[i]),
            )
            for i in chosen
        ]
    return pairs


def training_image(data: TrainingData, record: int) -> np.ndarray:
    """A real image [H, W, C] uint8 by its record number."""
    settings = data.config.data
    encoded = data.read(tf.constant(record, tf.int64))
    channels = settings.image_channels or 3
    return images.decode_and_fit(encoded, settings.resolution, channels).numpy()
