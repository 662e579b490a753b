"""Core-sets: which few points of a large batch to train on.

Points in, indices and weights out. Nothing here knows of images or settings.
"""

from tf_smallgan.coreset.balanced import balanced
from tf_smallgan.coreset.greedy import greedy_k_center
from tf_smallgan.coreset.layer import CoresetSelection
from tf_smallgan.coreset.methods import (
    METHODS,
    UNBIASED,
    check_method,
    k_center,
    select,
    weighted_select,
)
from tf_smallgan.coreset.nearest import (
    coverage_weights,
    covering_radius,
    nearest_chosen,
    nearest_of_its_label,
    radius_report,
)
from tf_smallgan.coreset.others import d_squared, robust, uniform
from tf_smallgan.coreset.scope import (
    SCOPES,
    check_scope,
    select_in_scope,
    selection_of,
    shard,
)
from tf_smallgan.coreset.stratified import stratified

__all__ = [
    "METHODS",
    "UNBIASED",
    "SCOPES",
    "CoresetSelection",
    "balanced",
    "check_method",
    "check_scope",
    "coverage_weights",
    "covering_radius",
    "d_squared",
    "greedy_k_center",
    "k_center",
    "nearest_chosen",
    "nearest_of_its_label",
    "radius_report",
    "robust",
    "select",
    "select_in_scope",
    "selection_of",
    "shard",
    "stratified",
    "uniform",
    "weighted_select",
]
