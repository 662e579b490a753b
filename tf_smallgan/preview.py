"""Sample grids while training."""

import numpy as np

from tf_smallgan import pictures, settings
from tf_smallgan.config import Config
from tf_smallgan.models.sampler import Sampler
from tf_smallgan.models.standing import images_a_pass, state_kept
from tf_smallgan.tensor_float import whole_float32
from tf_smallgan.training.logs import TensorBoard
from tf_smallgan.training.state import TrainingState
from tf_smallgan.workdir import Workdir

_STANDING_BATCHES = 16
_ROWS, _COLUMNS = 10, 10


class Preview:
    """Sample grids of the averaged generator while training: a row a class."""

    def __init__(
        self, config: Config, state: TrainingState, workdir: Workdir, board: TensorBoard
    ):
        self._spec = settings.model_spec(config)
        self._config, self._state = config, state
        self._workdir, self._board = workdir, board
        self._sampler: Sampler | None = None

    @whole_float32()
    def write(self, step: int) -> None:
        """Writes samples/step-N.png, the same latents every time."""
        with state_kept(self._state.average):
            sheet = self._sheet()
        pictures.write_png(self._workdir.samples / f"step-{step:07}.png", sheet)
        self._board.image(step, "samples", sheet)

    def _sheet(self) -> np.ndarray:
        sampler = self._fresh_sampler()
        rows = min(self._spec.num_classes or _ROWS, _ROWS)
        labels = np.repeat(np.arange(rows, dtype=np.int32), _COLUMNS)
        images = sampler.images(
            sampler.latents(len(labels)), labels if self._spec.num_classes else None
        )
        return pictures.sheet(images, _COLUMNS)

    def _fresh_sampler(self) -> Sampler:
        """Traced at the first call, fitted to the weights at each."""
        if self._sampler is not None:
            self._sampler.refresh()
            return self._sampler
        self._sampler = Sampler(
            self._state.average,
            self._spec,
            rule=self._config.sampling.truncation_rule,
            batch_size=min(
                self._config.training.batch_size, images_a_pass(self._spec.resolution)
            ),
            seed=self._config.run.seed,
            standing_batches=_STANDING_BATCHES,
        )
        return self._sampler
