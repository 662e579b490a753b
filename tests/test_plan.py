"""The plan: exact parameters, FLOPs by hand, batches; no data, no weights."""

import pathlib

import numpy as np
import pytest

from tf_smallgan import config
from tf_smallgan.config import defaults
from tf_smallgan.errors import InputError
from tf_smallgan.training import plan
from tf_smallgan.training.plan import ForwardCost

_CONFIGS = pathlib.Path(__file__).parent.parent / "configs"


def _plan(*flags):
    return plan.plan_lines(defaults.with_defaults(config.parse(flags)))


def test_imagenet128_is_the_papers_models_and_batch():
    text = "\n".join(_plan(f"--flagfile={_CONFIGS}/imagenet128.cfg"))
    assert "parameters: G 70,433,988, D 87,982,370" in text
    assert "batch of latents: 2,048 before the core-set, 256 after" in text
    assert "batch of data: 2,048 before the core-set, 256 after" in text
    assert "core-set: k_center, " in text
    # 1,281,167 images / (2 updates of 2,048).
    assert "steps an epoch: 312.8" in text


def test_flops_of_a_convolution_and_its_transposed_form_by_hand():
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        image = tf.zeros([4, 8, 8, 3])
        tf.nn.conv2d(image, tf.zeros([3, 3, 3, 5]), 1, "SAME")
        tf.nn.conv2d_transpose(image, tf.zeros([4, 4, 6, 3]), [4, 16, 16, 6], 2)
        tf.matmul(tf.zeros([4, 10]), tf.zeros([10, 7]))
        flops = [plan._flops(op) for op in graph.get_operations()]
    assert sorted(f for f in flops if f) == sorted(
        [2.0 * 4 * 8 * 8 * 5 * 27, 2.0 * 4 * 8 * 8 * 3 * 16 * 6, 2.0 * 4 * 7 * 10]
    )


def test_step_flops_count_every_pass_once():
    settings_ = config.parse(["--batch_size=10", "--discriminator_steps=2"])
    g, d = ForwardCost(0, 1.0, 0), ForwardCost(0, 100.0, 0)
    # A D update: G forward, D forward and twice back on real and fake; G's: G three
    # times, D forward and back to its input.
    assert plan.step_flops(settings_, g, d) == 10 * (2 * (1 + 6 * 100) + 3 + 200)


@pytest.mark.parametrize(
    "name",
    sorted(path.stem for path in _CONFIGS.glob("*.cfg")),
)
def test_every_config_has_a_plan(name):
    assert any("parameters" in x for x in _plan(f"--flagfile={_CONFIGS / name}.cfg"))


@pytest.mark.parametrize("name", sorted(path.stem for path in _CONFIGS.glob("*.cfg")))
def test_configs_of_the_papers_data_sets_select_as_the_paper(name):
    ours = name in ("smoke", "digits", "mnist")
    rule = "balanced" if ours else "k_center"
    lines = _plan(f"--flagfile={_CONFIGS / name}.cfg")
    assert any(line.startswith(f"core-set: {rule}, ") for line in lines)


def test_weights_of_rules_that_have_none_are_refused():
    with pytest.raises(InputError, match="weights of balanced are all 1"):
        _plan("--coreset_weights")
    with pytest.raises(InputError, match="balanced and uniform"):
        _plan("--coreset_weights", "--prior_coreset_method=uniform")
    assert _plan("--coreset_weights", "--prior_coreset_method=k_center")
    assert _plan("--coreset_weights", "--prior_oversample=1", "--data_oversample=1")


def test_the_default_rule_is_the_one_that_favours_nothing():
    assert any(line.startswith("core-set: balanced, ") for line in _plan())


def test_classes_are_balanced_for_k_center_alone():
    assert _plan("--coreset_class_balance", "--coreset_method=k_center")
    with pytest.raises(InputError, match="--coreset_method=k_center, not balanced"):
        _plan("--coreset_class_balance")


def test_a_batch_that_does_not_divide_is_refused():
    with pytest.raises(InputError, match="batch_size=9 does not divide over 2"):
        _plan("--batch_size=9", "--logical_cpus=2", "--strategy=mirrored")


def test_a_large_batch_beyond_the_data_is_refused():
    with pytest.raises(InputError, match="2,048 images.*larger.*1,797"):
        _plan("--batch_size=256", "--data_oversample=8")


def test_an_unknown_data_set_asks_for_what_it_needs():
    with pytest.raises(InputError, match="my_data is not in the offline catalog"):
        _plan("--dataset=my_data")
    assert _plan("--dataset=my_data", "--num_classes=3", "--image_channels=3")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--resolution=48"], "no 48 px form"),
        (["--attention_resolutions=64"], "64 is not a resolution inside a 32 px"),
        (["--image_channels=2"], "2 is neither 1 .grey. nor 3"),
        (["--latent_dim=33"], "latent_dim=33 does not divide"),
        (["--dataset=celeb_a", "--conditional"], "celeb_a has none"),
    ],
)
def test_networks_that_cannot_be_are_refused(flags, message):
    with pytest.raises(InputError, match=message):
        _plan(*flags)


def test_own_embeddings_with_skip_latents_are_warned_of():
    def warned(*flags):
        lines = _plan("--dataset=digits", "--resolution=32", *flags)
        return any("--noshared_embedding with --skip_latents" in x for x in lines)

    assert warned("--noshared_embedding", "--skip_latents")
    assert not warned("--shared_embedding", "--skip_latents")
    assert not warned("--noshared_embedding", "--noskip_latents")
    assert not warned("--noshared_embedding", "--skip_latents", "--noconditional")


def test_memory_estimate_grows_with_the_batch_and_counts_adam():
    g, d = ForwardCost(1000, 0, 0), ForwardCost(500, 0, 10.0)
    small = plan.memory_bytes(config.parse(["--batch_size=8"]), 1, g, d)
    np.testing.assert_allclose(small, 4 * (4 * 1500 + 1000) + 2 * 8 * 10)


def test_replicas_that_no_device_was_asked_for_are_called_that():
    digits = f"--flagfile={_CONFIGS}/digits.cfg"
    assert "replicas: not known here" in "\n".join(_plan(digits, "--strategy=tpu"))
    named = _plan(digits, "--tpu=some-node")  # auto, which is tpu then.
    assert "replicas: not known here" in "\n".join(named)
    assert "replicas: 1, 32 images each" in _plan(digits)
    four = _plan(digits, "--strategy=mirrored", "--logical_cpus=4")
    assert "replicas: 4, 8 images each" in four


def test_a_plan_warns_of_an_average_that_is_no_average():
    assert "--ema_decay" in _plan("--dataset=digits")[-1]
