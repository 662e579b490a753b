"""Files of arrays are whole whenever they are there."""

import numpy as np
import pytest

from tf_smallgan import files


def test_two_processes_may_write_one_file(tmp_path, monkeypatch):
    path, savez = tmp_path / "new" / "a.npz", np.savez

    def while_another_writes(file, **values):
        monkeypatch.setattr(np, "savez", savez)
        files.write_arrays(path, {"x": np.zeros(5000)})
        savez(file, **values)

    monkeypatch.setattr(np, "savez", while_another_writes)
    files.write_arrays(path, {"x": np.arange(3)})
    np.testing.assert_array_equal(files.read_arrays(path)["x"], [0, 1, 2])
    assert [file.name for file in path.parent.iterdir()] == ["a.npz"]


def test_what_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    files.write_arrays(path, {"x": np.arange(3)})

    def full(file, **values):
        file.write(b"some")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        files.write_arrays(path, {"x": np.zeros(3)})
    np.testing.assert_array_equal(files.read_arrays(path)["x"], [0, 1, 2])
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]
