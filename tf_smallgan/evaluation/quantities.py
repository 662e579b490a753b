"""What each quantity is called and how it reads, for people."""

from typing import NamedTuple


class Quantity(NamedTuple):
    """A quantity in words.

    Attributes:
      better: "less", "more", "near 1" or "" where it is neither.
    """

    label: str
    meaning: str
    better: str


QUANTITIES: dict[str, Quantity] = {
    "frechet_distance": Quantity(
        "Frechet distance",
        "Between normal distributions fitted to the features of real and generated "
        "images; grows as samples get fewer.",
        "less",
    ),
    "kernel_distance": Quantity(
        "Kernel distance", "Maximum mean discrepancy, cubic kernel; unbiased.", "less"
    ),
    "kernel_distance_standard_error": Quantity(
        "Kernel distance, standard error", "Of the estimate above.", ""
    ),
    "class_frechet_distance": Quantity(
        "Frechet distance by class", "Mean over classes of each class's own.", "less"
    ),
    "score": Quantity(
        "Score",
        "Whether single images are of one class for sure and all together are of all; "
        "at most the number of classes.",
        "more",
    ),
    "score_10_parts_mean": Quantity(
        "Score, mean of ten parts", "As papers print it.", "more"
    ),
    "score_10_parts_deviation": Quantity(
        "Score, deviation of ten parts", "Of the parts, not of their mean.", ""
    ),
    "conditional_accuracy": Quantity(
        "Conditional accuracy",
        "Share of samples that the classifier gives the class that was asked for.",
        "more",
    ),
    "classes_reached": Quantity(
        "Classes reached", "Classes that the classifier gives to some sample.", "more"
    ),
    "precision": Quantity(
        "Precision", "Share of samples that lie among the real images.", "more"
    ),
    "recall": Quantity(
        "Recall", "Share of real images that lie among the samples.", "more"
    ),
    "density": Quantity(
        "Density", "How densely real images surround samples; about 1 is even.", "more"
    ),
    "coverage": Quantity(
        "Coverage", "Share of real images with a sample in their vicinity.", "more"
    ),
    "nearest_training_ratio": Quantity(
        "Distance to training images",
        "Over that between training images; near 0 means copies.",
        "near 1",
    ),
    "modes": Quantity(
        "Modes reached", "Cells of the real images that hold a sample.", "more"
    ),
    "modes_possible": Quantity("Modes in all", "Cells of the real images.", ""),
}

KEY_QUANTITIES = (
    "frechet_distance",
    "score",
    "conditional_accuracy",
    "precision",
    "recall",
    "coverage",
)
"""The ones to look at first."""
