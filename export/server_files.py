"""Configuration files for `tensorflow_model_server`, beside the SavedModel."""

import pathlib

from export.recording import Facts
from export.warmup import MODEL_NAME, batch_sizes
from tf_smallgan.files import replacing

# The path is inside the server's container; docs/serving.md mounts the model there.
MODELS = f"""\
model_config_list {{
  config {{
    name: "{MODEL_NAME}"
    base_path: "/models/{MODEL_NAME}"
    model_platform: "tensorflow"
    model_version_policy {{ latest {{ num_versions: 1 }} }}
  }}
}}
"""

MONITORING = """\
prometheus_config {
  enable: true
  path: "/monitoring/prometheus/metrics"
}
"""


def batching(resolution: int) -> str:
    """batching_params.pbtxt.

    Requests wait at most 2 ms for company; a batch is padded to the next allowed size,
    each of which has a warm-up record.
    """
    sizes = batch_sizes(resolution)
    allowed = "\n".join(f"allowed_batch_sizes: {size}" for size in sizes)
    return f"""\
max_batch_size {{ value: {sizes[-1]} }}
batch_timeout_micros {{ value: 2000 }}
max_enqueued_batches {{ value: 100 }}
num_batch_threads {{ value: 2 }}
{allowed}
"""


def write(folder: pathlib.Path, facts: Facts) -> None:
    """Writes batching_params.pbtxt, models.config and monitoring.config."""
    files = {
        "batching_params.pbtxt": batching(facts.resolution),
        "models.config": MODELS,
        "monitoring.config": MONITORING,
    }
    for name, text in files.items():
        with replacing(folder / name) as partial:
            partial.write_text(text)
