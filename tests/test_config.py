"""Flags: read once, written out whole, and refused in a sentence."""

import dataclasses

import pytest
from absl import flags

from tf_smallgan import config
from tf_smallgan.config.parsing import sections_of
from tf_smallgan.errors import InputError


def test_every_flag_comes_back_from_its_written_form(tmp_path):
    given = config.parse(
        [
            "--workdir=here",
            "--attention_resolutions=16,32",
            "--noshared_embedding",
            "--generator_lr=3e-5",
            "--num_classes=7",
            "--random_flip",
        ]
    )
    path = tmp_path / "flags.cfg"
    path.write_text("\n".join(config.to_flag_lines(given)))
    assert config.parse([f"--flagfile={path}"]) == given


def test_flags_after_the_flagfile_win(tmp_path):
    path = tmp_path / "a.cfg"
    path.write_text("# a comment\n--batch_size=32\n--seed=4\n")
    parsed = config.parse([f"--flagfile={path}", "--batch_size=16"])
    assert (parsed.training.batch_size, parsed.run.seed) == (16, 4)


@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        ("--no_such_flag=1", flags.Error, "Unknown command line flag 'no_such_flag'"),
        ("--batch_size=1", flags.Error, "batch_size.*>= 2"),
        ("--architecture=stylegan", flags.Error, "biggan.*sngan"),
        ("--attention_resolutions=big", InputError, "big is not a comma list"),
        ("word", InputError, "'word' is not a flag"),
    ],
)
def test_bad_flags_say_what_is_wrong(argument, error, message):
    with pytest.raises(error, match=message):
        config.parse([argument])


def test_commands_have_their_own_flags():
    assert config.parse(["--out=a.png"], config.SAMPLE).sample.out == "a.png"
    with pytest.raises(flags.Error, match="out"):
        config.parse(["--out=a.png"], config.TRAIN)


def test_sample_reads_the_workdirs_flags(tmp_path):
    lines = config.to_flag_lines(config.parse(["--latent_dim=12", "--seed=3"]))
    (tmp_path / "flags.cfg").write_text("\n".join(lines))
    parsed = config.parse([f"--workdir={tmp_path}", "--seed=8"], config.SAMPLE)
    assert (parsed.model.latent_dim, parsed.run.seed) == (12, 8)
    assert parsed.run.workdir == str(tmp_path)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no flags.cfg.*Train first"):
        config.parse([f"--workdir={tmp_path}"], config.SAMPLE)


def test_replace_finds_the_section():
    changed = config.replace(config.Config(), batch_size=4, seed=2)
    assert (changed.training.batch_size, changed.run.seed) == (4, 2)
    with pytest.raises(KeyError):
        config.replace(config.Config(), no_such_flag=1)


def test_no_two_sections_share_a_flag():
    for command in (config.TRAIN, config.SAMPLE, config.EVALUATE, config.EXPORT):
        names = [
            field.name
            for section in sections_of(command.config).values()
            for field in dataclasses.fields(section)
        ]
        assert len(names) == len(set(names))
