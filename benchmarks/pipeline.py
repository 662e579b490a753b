"""How much faster it is to decode only what is trained on, and memory over time.

    python benchmarks/pipeline.py [--images=400] [--batches=10000]

Makes JPEGs of ImageNet's usual size as a TFDS data set, then draws batches at
oversampling 8 with the program's own input, reading by byte range as for data
that do not fit in memory. Compared with decoding the whole large batch, once
read in the same way and once read front to back, which is the fastest way there
is to read everything.
"""

import argparse
import dataclasses
import platform
import tempfile
import time
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_smallgan.data import batches, images
from tf_smallgan.data.records import PARALLEL_CALLS, Reader, RecordTable, input_options
from tf_smallgan.data.tfds import TfdsSource

HEIGHT, WIDTH = 375, 500
OVERSAMPLE, EMBEDDING_DIM = 8, 32
SECONDS = 20.0


def make_jpegs(count: int) -> Iterator[tuple[int, dict[str, object]]]:
    """Smooth colours and some noise: about 110 kB each at quality 95."""
    rng = np.random.RandomState(0)
    for key in range(count):
        coarse = rng.uniform(0, 255, (12, 16, 3)).astype(np.float32)
        smooth = tf.image.resize(coarse, [HEIGHT, WIDTH], "bicubic").numpy()
        noisy = smooth + rng.normal(0, 11, smooth.shape)
        picture = np.clip(noisy, 0, 255).astype(np.uint8)
        yield key, {"image": picture, "label": key % 1000}


def make_data_set(folder: str, count: int) -> None:
    """Writes the JPEGs with TFDS's own writer."""
    tfds.dataset_builders.store_as_tfds_dataset(
        name="jpegs",
        version="1.0.0",
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(encoding_format="jpeg"),
                "label": tfds.features.ClassLabel(num_classes=1000),
            }
        ),
        split_datasets={"train": make_jpegs(count)},
        data_dir=folder,
        disable_shuffling=True,
        download_config=tfds.download.DownloadConfig(num_shards=4),
    )


@dataclasses.dataclass(frozen=True)
class Timing:
    """Elements drawn from a data set, and what they took.

    CPU time counts all threads of this process, and unlike the clock it does not
    grow when something else runs on the machine.
    """

    elements: int
    wall_seconds: float
    cpu_seconds: float


def measure(dataset: tf.data.Dataset) -> Timing:
    """Draws for SECONDS after a warm-up that fills what is fetched ahead.

    One data set after the other: a live iterator goes on fetching while the next
    one is timed.
    """
    iterator = iter(dataset)
    for _ in range(4):
        next(iterator)
    wall, cpu, elements = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - wall < SECONDS:
        next(iterator)
        elements += 1
    return Timing(elements, time.perf_counter() - wall, time.process_time() - cpu)


def front_to_back(paths: list[str], large: int, resolution: int) -> tf.data.Dataset:
    """Every record in file order, decoded, in large batches."""
    spec = {"image": tf.io.FixedLenFeature([], tf.string)}

    def load(payload: tf.Tensor) -> tf.Tensor:
        encoded = tf.io.parse_single_example(payload, spec)["image"]
        return images.to_float(images.decode_and_fit(encoded, resolution, 3))

    dataset = tf.data.TFRecordDataset(paths).repeat()
    dataset = dataset.map(load, num_parallel_calls=PARALLEL_CALLS)
    dataset = dataset.batch(large, drop_remainder=True).prefetch(2)
    return dataset.with_options(input_options())


def compare_speed(
    read: Reader, table: RecordTable, paths: list[str], batch: int, resolution: int
) -> None:
    """Prints what an image that is trained on costs in each way."""
    points = np.random.RandomState(0).randn(table.num_images, EMBEDDING_DIM)
    points = points.astype(np.float32)
    large = batch * OVERSAMPLE
    chosen = batches.BatchPlan(
        seed=0, batch_size=batch, oversample=OVERSAMPLE, resolution=resolution
    )
    everything = batches.BatchPlan(seed=0, batch_size=large, resolution=resolution)
    ways = {
        "decode what is chosen": batches.training_dataset(
            read, table, points, chosen, 0, [0]
        ),
        "decode all, same reading": batches.training_dataset(
            read, table, None, everything, 0, [0]
        ),
        "decode all, front to back": front_to_back(paths, large, resolution),
    }
    timings = {name: measure(way) for name, way in ways.items()}
    print(f"{batch} of {large} images, {resolution} px, per image trained on:")
    best = next(iter(timings.values()))
    for name, timing in timings.items():
        rate = batch * timing.elements / timing.wall_seconds
        times = rate_ratio(best, timing)
        cpu_ms = 1e3 * timing.cpu_seconds / (batch * timing.elements)
        print(f"  {name:26} {rate:7.1f} images/s {times:5.1f} x {cpu_ms:7.1f} CPU ms")


def rate_ratio(first: Timing, second: Timing) -> float:
    """How many times faster the first is."""
    faster = first.elements / first.wall_seconds
    return faster / (second.elements / second.wall_seconds)


def rss_mib() -> float:
    """Resident memory of this process."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def watch_memory(read: Reader, table: RecordTable, count: int) -> None:
    """Prints resident memory at ten points of `count` small batches."""
    points = np.random.RandomState(0).randn(table.num_images, EMBEDDING_DIM)
    plan = batches.BatchPlan(seed=0, batch_size=2, oversample=OVERSAMPLE)
    dataset = batches.training_dataset(
        read, table, points.astype(np.float32), plan, 0, [0]
    )
    for number, _ in enumerate(dataset.take(count), start=1):
        if number in (count // 100, 1) or number % (count // 10) == 0:
            print(f"  after {number:6,} batches {rss_mib():8.1f} MiB")


def main() -> None:
    """Makes the data, then measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--batches", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--resolution", type=int, default=128)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_data_set(folder, flags.images)
        source = TfdsSource("jpegs", folder, "train")
        table = source.scan()
        paths = tf.io.gfile.glob(f"{folder}/jpegs/1.0.0/*tfrecord*")
        print(f"{platform.processor() or platform.machine()}, {PARALLEL_CALLS} cores")
        print(f"{table.num_images} JPEGs of {table.lengths.mean() / 1e3:.0f} kB")
        read = source.reader(table, memory_limit_bytes=0)
        compare_speed(read, table, paths, flags.batch, flags.resolution)
        watch_memory(read, table, flags.batches)


if __name__ == "__main__":
    main()
