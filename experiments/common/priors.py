"""The prior side of experiments whose networks are not the architectures'."""

from tf_smallgan.config import Config
from tf_smallgan.training.prior import Prior


def unlabelled_prior(config: Config, kind: type[Prior] = Prior) -> Prior:
    """How latents are drawn, without labels; --latent_dim must be set."""
    settings, latent_dim = config.coreset, config.model.latent_dim
    assert latent_dim is not None
    return kind(
        distribution=config.model.latent_distribution,
        latent_dim=latent_dim,
        num_classes=0,
        oversample=settings.prior_oversample,
        method=settings.prior_method,
        scope=settings.coreset_scope,
        weighted=settings.coreset_weights,
        seed=config.run.seed,
    )
