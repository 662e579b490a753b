"""Opens what `--dataset` names."""

import tensorflow as tf

from tf_smallgan.config import DataConfig
from tf_smallgan.data.digits import DigitsSource
from tf_smallgan.data.records import ImageSource, RecordTable, Report, no_report

_TABLE = "records.npz"


def open_source(data: DataConfig) -> ImageSource:
    """Opens a data set; TFDS prepares it first if it is not there.

    Raises:
      InputError: there is no such data set, split or folder, or it has no
        images that can be used.
    """
    if data.dataset == "digits":
        return DigitsSource(data.split)
    if data.dataset == "image_folder":
        from tf_smallgan.data.image_folder import ImageFolderSource

        return ImageFolderSource(data.data_dir, data.split, data.conditional)
    # Only here, since importing TFDS takes seconds.
    from tf_smallgan.data.tfds_source import TfdsSource

    return TfdsSource(data.dataset, data.data_dir, data.split)


def load_table(
    source: ImageSource, folder: str, report: Report = no_report
) -> RecordTable:
    """The source's table: scanned once, then read from `folder`.

    It is scanned again when the files no longer look as they did.

    Args:
      source: an opened data set.
      folder: where the table is kept, the embedding cache's folder.
      report: progress of the scan, (records done, records in all).
    """
    path = f"{folder}/{_TABLE}"
    if tf.io.gfile.exists(path):
        table = RecordTable.load(path)
        if (table.source, table.storage) == (_title(source), source.storage()):
            return table
    table = source.scan(report)
    table.save(path)
    return table


def _title(source: ImageSource) -> str:
    return f"{source.name} {source.split}"
