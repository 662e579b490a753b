"""How fast a training step is, against the machine's peak and another program.

    python -m benchmarks.train_step --flagfile=configs/mnist.cfg [FLAGS...]
        [--rounds=9] [--forms=fused,plain] [--precisions=float32,bfloat16]
        [--convolutions]
        [--peer=PATH_TO_BigGAN-PyTorch --peer_python=PYTHON]
    python -m benchmarks.train_step --trace --flagfile=configs/imagenet128.cfg

Each form in each precision runs in a process of its own, and all take turns, so that
a ratio is of the same minutes. A step is the whole train step on one batch of made
images: core-sets of latents as the flags have them, all D updates, G's update,
optimizers, average. Not in it: reading, choosing and decoding images.

GFLOP/s are of convolutions and matrix products alone, counted from shapes for the
form that runs (training/plan.py; the fused form needs fewer). The peak is that of
the fastest of several large 3x3 convolutions with both gradients, in the same
precision and the same minutes.

`--convolutions` times the convolutions of the fused step alone, on noise: what is left
when everything else costs nothing. Their GFLOP/s are what the library gives at the
step's own shapes, most of them far from those of the peak.

`--trace` prints the seconds that building the networks, initialising them and
tracing the step take; nothing is trained.
"""

import argparse
import statistics
import sys
import time

import tensorflow as tf

from benchmarks import measuring
from benchmarks.stopwatch import Worker, take_turns
from experiments.common.made_step import make_step
from tf_smallgan import config as config_lib
from tf_smallgan.config import Config, defaults
from tf_smallgan.errors import InputError


def _worker(*arguments: str) -> Worker:
    return Worker([sys.executable, "-m", "benchmarks.step_worker", *arguments])


def _peer(asked: argparse.Namespace, config: Config) -> Worker:
    """The other program at the same sizes, from images [B, 3, H, W] on.

    Raises:
      InputError: it has no such networks.
    """
    spec = defaults.model_spec(config)
    if spec.architecture != "biggan" or not spec.num_classes:
        raise InputError(
            f"--peer has BigGAN with classes; not --architecture={spec.architecture} "
            f"with {spec.num_classes} classes."
        )
    if spec.image_channels != 3:
        raise InputError("--peer has colour images only; give --image_channels=3.")
    if spec.generator_attention != spec.discriminator_attention:
        raise InputError(
            "--peer attends alike in G and D; set --attention_resolutions."
        )
    attention = "_".join(str(x) for x in spec.generator_attention) or "0"
    options = {
        "peer": asked.peer,
        "ch": spec.channel_multiplier,
        "resolution": spec.resolution,
        "batch": config.training.batch_size,
        "updates": config.training.discriminator_steps,
        "latent_dim": spec.latent_dim,
        "classes": spec.num_classes,
        "attention": attention,
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return Worker([asked.peer_python, "benchmarks/peer_step.py", *flags])


def _print_step(name: str, worker: Worker, batch: int, peak_rate: float) -> None:
    facts, median = worker.facts(), statistics.median(worker.seconds)
    rate = facts["flops"] / median / 1e9
    print(
        f"{name:16} {median * 1e3:8.0f} ms ({_cpu_ms(worker):.0f} ms of CPU) "
        f"{batch / median:7.1f} images/s "
        f"{facts['peak_mib']:6.0f} MiB {facts['flops'] / 1e9:6.1f} GFLOP "
        f"{rate:6.1f} GFLOP/s {rate / peak_rate:6.1%} of peak"
    )


def _cpu_ms(worker: Worker) -> float:
    """CPU time of a call, over all cores; other work on the machine adds less to it."""
    return statistics.median(worker.cpu_seconds) * 1e3


def ratio(over: Worker, under: Worker) -> float:
    """How many times longer a call of `over` took: the median over rounds."""
    return statistics.median(a / b for a, b in zip(over.seconds, under.seconds))


def compare(asked: argparse.Namespace, flags: list[str]) -> None:
    """Prints a line a form and precision, and the ratios that matter."""
    config = defaults.with_defaults(config_lib.parse(flags))
    precisions, forms = asked.precisions.split(","), asked.forms.split(",")
    peaks = {p: _worker("peak", p) for p in precisions}
    steps = {
        (form, precision): _worker("step", *flags, f"--precision={precision}", form)
        for precision in precisions
        for form in forms
    }
    alone = {
        precision: _worker("convolutions", *flags, f"--precision={precision}")
        for precision in precisions
        if asked.convolutions
    }
    peer = _peer(asked, config) if asked.peer else None
    workers = [*peaks.values(), *steps.values(), *alone.values()]
    workers += [peer] if peer else []
    take_turns(workers, asked.rounds)
    rates = {}
    for precision, worker in peaks.items():
        facts = worker.facts()
        rates[precision] = facts["flops"] / statistics.median(worker.seconds) / 1e9
        print(
            f"peak {precision}: {rates[precision]:.1f} GFLOP/s at [B, H, C] "
            f"{facts['shape']}"
        )
    for (form, precision), worker in steps.items():
        _print_step(
            f"{form} {precision}", worker, config.training.batch_size, rates[precision]
        )
    for precision, worker in alone.items():
        name = f"alone {precision}"
        _print_step(name, worker, config.training.batch_size, rates[precision])
    if peer:
        print(
            f"{'peer float32':16} {statistics.median(peer.seconds) * 1e3:8.0f} ms "
            f"({_cpu_ms(peer):.0f} ms of CPU) {peer.facts()['peak_mib']:.0f} MiB"
        )
    _print_ratios(steps, peer)
    for precision, worker in alone.items():
        step = steps.get(("fused", precision))
        if step:
            print(
                f"fused {precision}: the step takes {ratio(step, worker):.2f} times as "
                "long as its convolutions alone"
            )
    for worker in workers:
        worker.close()


def _print_ratios(steps: dict[tuple[str, str], Worker], peer: Worker | None) -> None:
    for name, fast, slow in (
        ("fused over plain, float32", ("fused", "float32"), ("plain", "float32")),
        ("fused over plain, bfloat16", ("fused", "bfloat16"), ("plain", "bfloat16")),
        ("bfloat16 over float32, fused", ("fused", "bfloat16"), ("fused", "float32")),
    ):
        if fast in steps and slow in steps:
            print(f"{name}: {ratio(steps[slow], steps[fast]):.2f} times faster")
    for (form, precision), worker in steps.items():
        if peer:
            print(
                f"{form} {precision} over the peer: {ratio(peer, worker):.2f} times "
                "faster"
            )


def trace(flags: list[str]) -> None:
    """Prints what it takes until a step could run."""
    config = defaults.with_defaults(config_lib.parse(flags))
    start = time.perf_counter()
    step, batch = make_step(config)
    built = time.perf_counter()
    specs = {k: tf.TensorSpec(v.shape, v.dtype) for k, v in batch.items()}
    step.get_concrete_function(specs)
    traced = time.perf_counter()
    print(
        f"building and initialising {built - start:.1f} s, tracing "
        f"{traced - built:.1f} s, together {traced - start:.1f} s "
        f"({time.process_time():.1f} s of CPU with the imports); "
        f"peak memory {measuring.peak_memory_mib():,.0f} MiB"
    )


def main() -> None:
    """Prints the machine and what was asked for."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--forms", default="fused,plain")
    parser.add_argument("--precisions", default="float32,bfloat16")
    parser.add_argument("--peer", default="")
    parser.add_argument("--peer_python", default=sys.executable)
    parser.add_argument("--convolutions", action="store_true")
    parser.add_argument("--trace", action="store_true")
    asked, flags = parser.parse_known_args()
    print(measuring.machine())
    if asked.trace:
        trace(flags)
    else:
        compare(asked, flags)


if __name__ == "__main__":
    main()
