"""Studies of runs that are not trained, or hardly: what is quick, for tests."""

from tf_smallgan.config import defaults
from tf_smallgan.training.checkpoint_files import steps_in
from tf_smallgan.training.checkpoints import Checkpoints
from tf_smallgan.training.logs import MetricsFile, read_metrics
from tf_smallgan.training.state import build_state
from tf_smallgan.workdir import Workdir

SMALL = (
    *("--dataset=digits", "--channel_multiplier=2", "--latent_dim=16"),
    *("--batch_size=8", "--discriminator_steps=1", "--log_every_steps=1"),
    *("--sample_every_steps=0", "--standing_batches=1", "--seeds=1"),
)

SCORE = "classifier_frechet_distance_40"


class FakeTraining:
    """Takes the place of `running.train`: keeps the books of training, moves nothing.

    Attributes:
      began: (workdir's name, step) of each call.
      stops_after: steps that a call trains at most, as a signal would have it.
      networks: write checkpoints that can be restored, not just their names.
    """

    def __init__(self) -> None:
        self.began: list[tuple[str, int]] = []
        self.stops_after = 10**9
        self.networks = False

    def __call__(self, config) -> None:
        config = defaults.with_defaults(config)
        workdir = Workdir(config.run.workdir)
        workdir.open(config)
        first = max(steps_in(workdir.checkpoints), default=0)
        self.began.append((workdir.path.name, first))
        last = min(config.training.train_steps, first + self.stops_after)
        log = MetricsFile(workdir.metrics, first)
        every = config.schedule.eval_every_steps
        scored = {row["step"] for row in read_metrics(workdir.metrics) if SCORE in row}
        if every and first and first % every == 0 and first not in scored:
            log.append(first, {SCORE: 90.0 / first})
        for step in range(first + 1, last + 1):
            log.append(step, {"images_per_second": 8.0 * step})
            if every and step % every == 0:
                log.append(step, {SCORE: 90.0 / step})
        if self.networks:
            state = build_state(defaults.model_spec(config), config.training, 0)
            state.step.assign(last)
            for variable in state.average.trainable_variables:
                variable.assign(variable * 1.5)
            Checkpoints(workdir.checkpoints, state, keep=3).save()
        else:
            workdir.checkpoints.mkdir(exist_ok=True)
            kept = config.schedule.keep_every_steps or last
            for step in {*range(kept, last, kept), last}:
                (workdir.checkpoints / f"step-{step}.index").touch()
