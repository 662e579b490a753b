"""The plan of a run: models, parameters, FLOPs, memory, batches. Needs no data."""

import dataclasses
import math
from collections.abc import Callable

import keras
import tensorflow as tf

from tf_smallgan.config import Config, catalog, checks, defaults
from tf_smallgan.config.architectures import ModelSpec
from tf_smallgan.config.flags import CoresetFlags
from tf_smallgan.distribution.strategy import planned_replicas, resolved
from tf_smallgan.errors import InputError
from tf_smallgan.models.factory import build_discriminator, build_generator
from tf_smallgan.models.initializers import weights_follow
from tf_smallgan.training import ema

_FLOAT_BYTES = 4
# Weight, gradient and Adam's two moments.
_COPIES_TRAINED = 4


@dataclasses.dataclass(frozen=True)
class ForwardCost:
    """What one forward pass of a network takes for one image.

    Attributes:
      parameters: trained weights, exact.
      flops: of convolutions and matrix products; a multiply-add is two.
      activation_bytes: of the tensors that a backward pass may need.
    """

    parameters: int
    flops: float
    activation_bytes: float


def forward_costs(spec: ModelSpec) -> tuple[ForwardCost, ForwardCost]:
    """Costs of G and D; no weight is allocated and nothing runs."""
    size, channels = spec.resolution, spec.image_channels
    return (
        _cost(lambda: build_generator(spec), [spec.latent_dim], spec.num_classes),
        _cost(
            lambda: build_discriminator(spec), [size, size, channels], spec.num_classes
        ),
    )


def check_networks(spec: ModelSpec) -> None:
    """Makes the networks without their weights.

    Raises:
      InputError: they cannot be made.
    """
    with tf.Graph().as_default(), weights_follow():
        build_generator(spec)
        build_discriminator(spec)


def _cost(
    build: Callable[[], keras.Model], shape: list[int], num_classes: int
) -> ForwardCost:
    """The forward cost of a network whose first input is [B, *shape]."""
    # In a graph of its own a variable is a node, not memory.
    with tf.Graph().as_default() as graph, weights_follow():
        model = build()
        built = len(graph.get_operations())
        inputs = tf.zeros([_TRACED_BATCH, *shape])
        labels = tf.zeros([_TRACED_BATCH], tf.int32) if num_classes else None
        model(inputs, labels)
        operations = graph.get_operations()[built:]
    return ForwardCost(
        count_parameters(model),
        sum(_flops(x) for x in operations) / _TRACED_BATCH,
        sum(_activation_bytes(x) for x in operations) / _TRACED_BATCH,
    )


_TRACED_BATCH = 4


def count_parameters(model: keras.Model) -> int:
    """Trained weights of a model, allocated or not."""
    return sum(math.prod(v.shape) for v in model.trainable_variables)


def _flops(operation: tf.Operation) -> float:
    """2 * outputs * products an output, of convolutions and matrix products."""
    if operation.type == "Conv2D":
        kernel = operation.inputs[1].shape
        return 2.0 * _size(operation.outputs[0]) * math.prod(kernel[:3])
    if operation.type == "Conv2DBackpropInput":
        # A transposed convolution: each *input* number meets the whole kernel.
        kernel = operation.inputs[1].shape
        return 2.0 * _size(operation.inputs[2]) * math.prod(kernel[:3])
    if operation.type in ("MatMul", "BatchMatMulV2", "BatchMatMulV3"):
        a = operation.inputs[0]
        transposed = _attribute(operation, "transpose_a", "adj_x")
        inner = a.shape[-2] if transposed else a.shape[-1]
        return 2.0 * _size(operation.outputs[0]) * inner
    return 0.0


def _attribute(operation: tf.Operation, *names: str) -> bool:
    attributes = operation.node_def.attr
    return any(attributes[name].b for name in names if name in attributes)


_KEPT_FOR_BACKWARD = (
    "Conv2D",
    "Conv2DBackpropInput",
    "Relu",
    "Mul",
    "AddV2",
    "AvgPool",
    "MaxPool",
    "Softmax",
    "BatchMatMulV2",
    "Tanh",
)


def _activation_bytes(operation: tf.Operation) -> float:
    if operation.type not in _KEPT_FOR_BACKWARD:
        return 0.0
    output = operation.outputs[0]
    if output.shape.rank is None or output.shape.rank < 3:
        return 0.0
    if output.shape[0] != _TRACED_BATCH:
        return 0.0
    return float(_size(output) * output.dtype.size)


def _size(tensor: tf.Tensor) -> int:
    return math.prod(d if d is not None else _TRACED_BATCH for d in tensor.shape)


def step_flops(config: Config, g: ForwardCost, d: ForwardCost) -> float:
    """FLOPs of one training step over the global batch.

    A backward pass costs twice the forward one, once where only activations need
    gradients: D in G's update.
    """
    batch, updates = config.training.batch_size, config.training.discriminator_steps
    discriminator = updates * batch * (g.flops + 3 * 2 * d.flops)
    return discriminator + batch * (3 * g.flops + 2 * d.flops)


def memory_bytes(
    config: Config, replicas: int, g: ForwardCost, d: ForwardCost
) -> float:
    """Estimated bytes a replica: weights, optimizer slots, the largest pass."""
    weights = _COPIES_TRAINED * (g.parameters + d.parameters) + g.parameters
    batch = config.training.batch_size / replicas / config.training.microbatches
    passes = max(
        2 * batch * d.activation_bytes,
        batch * (g.activation_bytes + d.activation_bytes),
    )
    return weights * _FLOAT_BYTES + passes


def plan_lines(config: Config) -> list[str]:
    """The plan of a completed config, a line an item.

    Raises:
      InputError: flags do not fit one another.
    """
    spec = defaults.model_spec(config)
    replicas = planned_replicas(config.run)
    checks.check_run(config, replicas)
    g, d = forward_costs(spec)
    training, coreset = config.training, config.coreset
    classes = f"{spec.num_classes} classes" if spec.num_classes else "unconditional"
    large = training.batch_size * coreset.data_oversample
    return [
        f"model: {spec.architecture} {spec.resolution} px, {spec.image_channels} "
        f"channel{'s' if spec.image_channels > 1 else ''}, {classes}, "
        f"ch {spec.channel_multiplier}, latent {spec.latent_dim}, attention at "
        f"{_attention(spec)}, {spec.precision}",
        f"parameters: G {g.parameters:,}, D {d.parameters:,}",
        f"FLOPs a step: {step_flops(config, g, d) / 1e9:,.1f} G "
        f"({training.discriminator_steps} D updates and 1 G update over the batch)"
        + ", without R1's" * bool(training.r1_penalty)
        + ", without those of --remat" * config.model.remat,
        f"memory a replica: about {memory_bytes(config, replicas, g, d) / 2**30:,.2f} "
        "GiB (estimate: weights, Adam, EMA and the activations of the largest pass"
        + (", not less what --remat saves)" if config.model.remat else ")"),
        f"batch of latents: {training.batch_size * coreset.prior_oversample:,} before "
        f"the core-set, {training.batch_size:,} after",
        f"batch of data: {large:,} before the core-set, {training.batch_size:,} after"
        + ", half of them mirrored" * bool(config.data.random_flip),
        f"core-set: {_methods(coreset)}, scope {coreset.coreset_scope}, "
        f"embedder {coreset.embedder}",
        _epoch_line(config, large),
        f"replicas: {_assumed(config, replicas)}{replicas}, "
        f"{training.batch_size // replicas} images each",
        *filter(None, [defaults.warning(spec), ema.warning(training)]),
    ]


def _assumed(config: Config, replicas: int) -> str:
    """What to say of a number of replicas that no device was asked for."""
    name = resolved(config.run)
    here = name == "mirrored" and tf.config.list_physical_devices("GPU")
    if replicas > 1 or here or name not in ("mirrored", "tpu"):
        return ""
    return (
        "not known here (--strategy=mirrored --logical_cpus=8 plans for 8), "
        "planned for "
    )


def _methods(coreset: CoresetFlags) -> str:
    if coreset.prior_method == coreset.coreset_method:
        return coreset.coreset_method
    return f"{coreset.prior_method} of latents, {coreset.coreset_method} of data"


def _attention(spec: ModelSpec) -> str:
    def text(sizes: tuple[int, ...]) -> str:
        return ", ".join(str(s) for s in sizes) or "none"

    if spec.generator_attention == spec.discriminator_attention:
        return text(spec.generator_attention)
    return (
        f"{text(spec.generator_attention)} in G and "
        f"{text(spec.discriminator_attention)} in D"
    )


def _epoch_line(config: Config, large: int) -> str:
    facts = catalog.facts(config.data.dataset)
    if facts is None or config.data.split != "train":
        return "steps an epoch: not known without the data"
    if large > facts.num_images:
        raise InputError(
            f"The large batch of {large:,} images (--batch_size times "
            f"--data_oversample) is larger than the data set of {facts.num_images:,}; "
            "lower one of the two."
        )
    steps = facts.num_images / (large * config.training.discriminator_steps)
    return (
        f"steps an epoch: {steps:,.1f} ({facts.num_images:,} images, each offered to "
        "selection once)"
    )


def print_plan(config: Config) -> None:
    """Prints the plan of a run.

    Raises:
      InputError: flags do not fit one another.
    """
    for line in plan_lines(defaults.with_defaults(config)):
        print(line)
