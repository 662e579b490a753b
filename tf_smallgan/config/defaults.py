"""Fills in what follows from the data set and the architecture."""

from collections.abc import Sequence
from typing import Protocol

from tf_smallgan.config import catalog, checks
from tf_smallgan.config import parsing as config_lib
from tf_smallgan.config.architectures import ModelSpec, architecture_of
from tf_smallgan.config.flags import Config
from tf_smallgan.config.parsing import C
from tf_smallgan.errors import InputError


class OpenedData(Protocol):
    """What an opened data set (`data.records.ImageSource`) knows of itself."""

    default_flip: bool

    @property
    def num_classes(self) -> int | None: ...


def with_defaults(config: C, opened: OpenedData | None = None) -> C:
    """A config without open values.

    Args:
      config: as the flags gave it.
      opened: the opened data set, where data is at hand; data sets of the catalog
        need none.

    Raises:
      InputError: something does not follow and must be given.
    """
    config = with_data_defaults(config, opened)
    row = architecture_of(config.model.architecture, config.data.resolution)
    defaults = {
        "channel_multiplier": row.channel_multiplier,
        "latent_dim": row.latent_dim,
        "shared_embedding": row.shared_embedding,
        "skip_latents": row.skip_latents,
    }
    for name, value in defaults.items():
        if getattr(config.model, name) is None:
            config = config_lib.replace(config, **{name: value})
    return config


def with_data_defaults(config: C, opened: OpenedData | None) -> C:
    """A config whose data section is without open values.

    Arguments and errors are those of `with_defaults`.
    """
    data, facts = config.data, catalog.facts(config.data.dataset)
    classes, channels, flip = data.num_classes, data.image_channels, data.random_flip
    if facts is not None:
        known = (facts.num_classes, facts.channels, facts.random_flip)
    elif opened is not None:
        known = (opened.num_classes, 3, opened.default_flip)
    elif channels is None or (classes is None and data.conditional is not False):
        raise InputError(
            f"--dataset={data.dataset} is not in the offline catalog: give "
            "--num_classes (or --noconditional) and --image_channels."
        )
    else:
        known = (None, 3, True)
    classes = classes if classes is not None else known[0]
    channels = channels if channels is not None else known[1]
    if channels not in (1, 3):
        raise InputError(
            f"--image_channels={channels} is neither 1 (grey) nor 3 (RGB)."
        )
    conditional = data.conditional
    if conditional is None:
        conditional = classes is not None
    if conditional and classes is None:
        raise InputError(
            f"--conditional needs labels, and --dataset={data.dataset} has none; give "
            "--noconditional."
        )
    return config_lib.replace(
        config,
        num_classes=classes,
        image_channels=channels,
        random_flip=flip if flip is not None else known[2],
        conditional=conditional,
    )


def model_spec(config: Config) -> ModelSpec:
    """The networks of a completed config.

    Raises:
      InputError: the architecture lacks the resolution, or channels are not 1 or 3.
    """
    data, model, imported = config.data, config.model, config.imported
    row = architecture_of(model.architecture, data.resolution)
    assert model.channel_multiplier and model.latent_dim and data.image_channels
    assert model.shared_embedding is not None and model.skip_latents is not None
    generator, discriminator = row.generator_attention, row.discriminator_attention
    if model.attention_resolutions is not None:
        generator = discriminator = tuple(
            size for size in model.attention_resolutions if size
        )
        _check_attention(generator, data.resolution)
    return ModelSpec(
        architecture=model.architecture,
        resolution=data.resolution,
        image_channels=data.image_channels,
        num_classes=(data.num_classes or 0) if data.conditional else 0,
        channel_multiplier=model.channel_multiplier,
        latent_dim=model.latent_dim,
        generator_attention=generator,
        discriminator_attention=discriminator,
        shared_embedding=model.shared_embedding,
        skip_latents=model.skip_latents,
        latent_distribution=model.latent_distribution,
        precision=model.precision,
        remat=model.remat,
        class_embedding_dim=imported.class_embedding_dim,
        generator_spectral=imported.spectral_norm and row.spectral_generator,
        discriminator_spectral=imported.spectral_norm,
        lean_to_image=imported.lean_to_image,
        epsilon=imported.batch_norm_epsilon,
        statistics_truncations=imported.statistics_truncations,
    )


def check_truncations(
    config: Config, truncations: Sequence[float], flag: str, bn: str = "standing"
) -> None:
    """Refuses truncations at which a workdir's generator cannot be sampled.

    Raises:
      InputError: the rule has not one of them, or the statistics that the generator
        brings end before it; names the flag.
    """
    for truncation in truncations:
        checks.check_truncation(truncation, flag, config.sampling.truncation_rule)
        if (
            truncation > 1
            and bn == "standing"
            and config.imported.statistics_truncations
        ):
            raise InputError(
                f"--{flag}={truncation:g}: this generator brings its batch norm "
                "statistics, which end at truncation 1; give at most 1."
            )


def warning(spec: ModelSpec) -> str:
    """What is known to be bad of networks that can be built; "" where nothing is."""
    if not spec.num_classes or spec.shared_embedding or not spec.skip_latents:
        return ""
    return (
        "Warning: --noshared_embedding with --skip_latents. No paper has the two "
        "together, and where it was tried a quarter of the samples were not of the "
        "class asked for (docs/experiments.md, BigGAN's effects): better with "
        "--noskip_latents too, or with --shared_embedding."
    )


def _check_attention(sizes: tuple[int, ...], resolution: int) -> None:
    possible = [2**n for n in range(3, 10) if 2**n < resolution]
    for size in sizes:
        if size not in possible:
            raise InputError(
                f"--attention_resolutions={size} is not a resolution inside a "
                f"{resolution} px network; it can be {possible}, or 0 for none."
            )
