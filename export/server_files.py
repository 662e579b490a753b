"""Configuration files for `tensorflow_model_server`, beside the SavedModel."""

import pathlib

from export.warmup import BATCH_SIZES, MODEL_NAME

_SIZES = "\n".join(f"allowed_batch_sizes: {size}" for size in BATCH_SIZES)

# Requests wait at most 2 ms for company; a batch is padded to the next allowed size,
# each of which has a warm-up record.
BATCHING = f"""\
max_batch_size {{ value: {BATCH_SIZES[-1]} }}
batch_timeout_micros {{ value: 2000 }}
max_enqueued_batches {{ value: 100 }}
num_batch_threads {{ value: 2 }}
{_SIZES}
"""

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

FILES = {
    "batching_params.pbtxt": BATCHING,
    "models.config": MODELS,
    "monitoring.config": MONITORING,
}


def write(folder: pathlib.Path) -> None:
    """Writes batching_params.pbtxt, models.config and monitoring.config."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
