"""Facts about well-known data sets, so that a plan needs no data and no network.

Images are counted in the `train` split as TFDS prepares it, classes in all splits.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class DatasetFacts:
    """What is known of a data set before it is there.

    Attributes:
      num_images: images of the train split.
      num_classes: None where images carry no class label.
      channels: 1 for grey images, 3 for RGB.
      random_flip: whether a mirrored image is still of its class.
    """

    num_images: int
    num_classes: int | None
    channels: int = 3
    random_flip: bool = True


def _glyphs(num_images: int, num_classes: int) -> DatasetFacts:
    """Grey characters: mirrored they are other characters, or none."""
    return DatasetFacts(num_images, num_classes, channels=1, random_flip=False)


_IMAGENET = DatasetFacts(1_281_167, 1000)

CATALOG: dict[str, DatasetFacts] = {
    "digits": _glyphs(1_797, 10),
    "mnist": _glyphs(60_000, 10),
    "fashion_mnist": DatasetFacts(60_000, 10, channels=1),
    "kmnist": _glyphs(60_000, 10),
    "emnist": _glyphs(697_932, 62),
    "emnist/balanced": _glyphs(112_800, 47),
    "emnist/byclass": _glyphs(697_932, 62),
    "emnist/bymerge": _glyphs(697_932, 47),
    "emnist/digits": _glyphs(240_000, 10),
    "emnist/letters": _glyphs(88_800, 37),
    "emnist/mnist": _glyphs(60_000, 10),
    "omniglot": _glyphs(19_280, 1_623),
    "binarized_mnist": DatasetFacts(50_000, None, channels=1, random_flip=False),
    "cifar10": DatasetFacts(50_000, 10),
    "cifar100": DatasetFacts(50_000, 100),
    "svhn_cropped": DatasetFacts(73_257, 10, random_flip=False),
    "stl10": DatasetFacts(5_000, 10),
    "food101": DatasetFacts(75_750, 101),
    "cats_vs_dogs": DatasetFacts(23_262, 2),
    "stanford_dogs": DatasetFacts(12_000, 120),
    "oxford_flowers102": DatasetFacts(1_020, 102),
    "tf_flowers": DatasetFacts(3_670, 5),
    "imagenet2012": _IMAGENET,
    "imagenet_resized/8x8": _IMAGENET,
    "imagenet_resized/16x16": _IMAGENET,
    "imagenet_resized/32x32": _IMAGENET,
    "imagenet_resized/64x64": _IMAGENET,
    "places365_small": DatasetFacts(1_803_460, 365),
    "celeb_a": DatasetFacts(162_770, None),
    "lsun/bedroom": DatasetFacts(3_033_042, None),
    "lsun/bridge": DatasetFacts(818_687, None),
    "lsun/church_outdoor": DatasetFacts(126_227, None),
    "lsun/classroom": DatasetFacts(168_103, None),
    "lsun/conference_room": DatasetFacts(229_069, None),
    "lsun/dining_room": DatasetFacts(657_571, None),
    "lsun/kitchen": DatasetFacts(2_212_277, None),
    "lsun/living_room": DatasetFacts(1_315_802, None),
    "lsun/restaurant": DatasetFacts(626_331, None),
    "lsun/tower": DatasetFacts(708_264, None),
}


def facts(name: str) -> DatasetFacts | None:
    """The facts of data set `name`, a TFDS version after a colon ignored."""
    return CATALOG.get(name.split(":")[0])


def flips_by_default(name: str) -> bool:
    """Whether `--random_flip` is on when not given; on for unknown data sets."""
    known = facts(name)
    return True if known is None else known.random_flip
