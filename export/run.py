"""The export command: restore, fold, fill tables, record, write."""

import pathlib

import keras
import tensorflow as tf

from export import recording, server_files, tables
from export.folding import fold_biases, folded_copy
from export.model_card import model_card
from export.module import build_module
from export.restore import Restored, restore
from export.versions import new_version
from export.warmup import write_warmup
from tf_smallgan.config.commands import ExportConfig, ExportFlags
from tf_smallgan.distribution.strategy import whole_float32
from tf_smallgan.errors import InputError
from tf_smallgan.workdir import Workdir


@whole_float32()
def export(config: ExportConfig) -> None:
    """Writes the next version of --workdir's generator below --export_dir.

    Raises:
      InputError: flags or checkpoint do not fit, or the statistics are not finite.
    """
    options = config.export
    tables.check_grid(options.standing_truncations, config.sampling.truncation_rule)
    restored = restore(config, options.step)
    if restored.spec.statistics_truncations and options.standing_truncations[-1] > 1:
        raise InputError(
            f"--standing_truncations ends at {options.standing_truncations[-1]:g}, and "
            "this generator brings its batch norm statistics, which end at 1."
        )
    if config.run.dry_run:
        print(f"Would export step {restored.step} to {options.export_dir}.")
        return
    with new_version(options.export_dir) as version:
        write(restored, options, version.path)
    assert version.final is not None
    # Beside the versions too: a server's flags should outlive the one they came with.
    facts = recording.read_facts(version.final)
    server_files.write(version.final.parent, facts)
    print(f"Exported step {restored.step} to {version.final}")


def write(restored: Restored, options: ExportFlags, folder: pathlib.Path) -> None:
    """Writes a whole SavedModel and what goes with it into `folder`.

    Args:
      restored: the live generator.
      options: which truncations get statistics.
      folder: exists, empty.

    Raises:
      InputError: statistics or images are not finite.
    """
    config, spec = restored.config, restored.spec
    rule = config.sampling.truncation_rule
    # Some imported generators bring the statistics that they were released with.
    grid = spec.statistics_truncations or options.standing_truncations
    generator = folded_copy(restored.average, spec, grid)
    if not spec.statistics_truncations:
        _gather(generator, restored, grid)
    statistics = tables.tables_of(generator)
    fold_biases(generator)
    print("Writing the SavedModel, its examples and its warm-up", flush=True)
    facts = recording.facts_of(restored, grid)
    root, signatures = build_module(generator, spec, rule, facts.most_truncation)
    tf.saved_model.save(root, str(folder), signatures=signatures)
    recording.write_facts(folder, facts)
    recording.record(folder, restored, statistics, grid)
    write_warmup(folder, facts)
    server_files.write(folder, facts)
    card = model_card(restored, facts, Workdir(config.run.workdir))
    (folder / "README.md").write_text(card)


def _gather(
    generator: keras.Model, restored: Restored, grid: tuple[float, ...]
) -> None:
    config = restored.config
    batches = config.sampling.standing_batches
    print(
        f"Standing statistics: {batches} batches at each of {len(grid)} truncations",
        flush=True,
    )
    tables.fill_tables(
        generator,
        restored.spec,
        truncations=grid,
        rule=config.sampling.truncation_rule,
        batches=batches,
        seed=config.run.seed,
    )
