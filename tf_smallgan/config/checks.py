"""Every check that needs only flags; it runs once, before anything is opened."""

from collections.abc import Sequence

from tf_smallgan.config.flags import Config, CoresetFlags, ScheduleFlags, TrainingFlags
from tf_smallgan.errors import InputError

# With --truncation_rule=scale; the other rules end at 1.
LARGEST_SCALE = 2.0


# Rules that choose every point with the same probability.
_UNWEIGHTED_RULES = ("balanced", "uniform")


def check_run(config: Config, replicas: int) -> None:
    """Refuses flags of a training run that do not fit one another.

    Args:
      config: as the flags gave it.
      replicas: devices that the batch is divided over.

    Raises:
      InputError: a flag does not fit the others; names it and the remedy.
    """
    _check_batch(config.training, replicas)
    _check_schedule(config.schedule)
    _check_coreset(config.coreset)


def _check_batch(training: TrainingFlags, replicas: int) -> None:
    batch, parts = training.batch_size, training.microbatches
    if batch % replicas:
        raise InputError(
            f"--batch_size={batch} does not divide over {replicas} replicas; give a "
            f"multiple of {replicas}."
        )
    if batch % (replicas * parts):
        each = "" if replicas == 1 else f" on each of {replicas} replicas"
        raise InputError(
            f"--batch_size={batch} does not divide into --microbatches={parts}{each}; "
            f"give a multiple of {replicas * parts}."
        )


def _check_schedule(schedule: ScheduleFlags) -> None:
    kept, saved = schedule.keep_every_steps, schedule.checkpoint_every_steps
    if kept and (not saved or kept % saved):
        raise InputError(
            f"--keep_every_steps={kept} keeps checkpoints of steps that are not saved, "
            f"since --checkpoint_every_steps={saved}. Give a multiple of it"
            + ("." if saved else ", above 0.")
        )
    if schedule.eval_every_steps and schedule.eval_reference_images == 1:
        raise InputError(
            "--eval_reference_images=1 has no spread; give at least 2, or 0 for all."
        )


def _check_coreset(coreset: CoresetFlags) -> None:
    if coreset.coreset_class_balance and coreset.coreset_method != "k_center":
        raise InputError(
            "--coreset_class_balance corrects the class shares of k_center and applies "
            f"only to --coreset_method=k_center, not {coreset.coreset_method}; use "
            "that method or remove the flag (balanced and uniform draw every class as "
            "often as it occurs)."
        )
    _check_weights(coreset)


def _check_weights(coreset: CoresetFlags) -> None:
    rules = set()
    if coreset.data_oversample > 1:
        rules.add(coreset.coreset_method)
    if coreset.prior_oversample > 1:
        rules.add(coreset.prior_method)
    if coreset.coreset_weights and rules and rules <= set(_UNWEIGHTED_RULES):
        raise InputError(
            f"--coreset_weights: the weights of {' and '.join(sorted(rules))} are all "
            "1. Remove the flag, or use --coreset_method=k_center or another rule."
        )


def check_truncation(
    truncation: float, flag: str = "truncation", rule: str = "hub"
) -> None:
    """Refuses a truncation outside of its rule's range.

    The rule "scale" cuts nothing and goes beyond 1: latents that are wider than
    those that G is trained on.

    Raises:
      InputError: it is outside (0, 1], or (0, 2] for "scale"; names the flag.
    """
    if 0 < truncation <= (LARGEST_SCALE if rule == "scale" else 1.0):
        return
    if rule == "scale":
        raise InputError(
            f"--{flag}={truncation} is outside (0, {LARGEST_SCALE:g}]; 1 is the prior "
            "that G is trained on."
        )
    raise InputError(
        f"--{flag}={truncation} is outside (0, 1]; 1 gives most variety, small values "
        "most fidelity. A workdir's --truncation_rule=scale goes up to "
        f"{LARGEST_SCALE:g}."
    )


def check_truncations(truncations: Sequence[float], flag: str, rule: str) -> None:
    """Refuses a list with a truncation outside of the rule's range.

    Raises:
      InputError: as `check_truncation`.
    """
    for truncation in truncations:
        check_truncation(truncation, flag, rule)
