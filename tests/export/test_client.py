"""The client against the protocol on loopback, and against the real server if here."""

import contextlib
import functools
import shutil
import socket
import subprocess
import time

import numpy as np
import pytest
import tensorflow as tf

from export import client, png, transport
from export.rest import RestTransport
from export.warmup import batch_sizes
from tests.export import servers
from tests.export.helpers import run_module
from tf_smallgan.errors import InputError

PROTOCOLS = ["rest", "grpc"]


def start(protocol, model):
    """A context manager around a server of the protocol."""
    if protocol == "rest":
        return servers.rest_server(model)
    return servers.grpc_server(model)


@pytest.fixture(scope="module", params=PROTOCOLS)
def server(request, session_model):
    with start(request.param, session_model) as running:
        running.protocol = request.param
        yield running


def connect(server, model="smallgan", timeout_s=20.0):
    return client.connect(server.address, server.protocol, model, timeout_s)


def test_images(server, session_model):
    request = client.Request(count=5, label=(3, 1), truncation=0.7, seed=5, batch=2)
    images = client.fetch(connect(server), request, attempts=1)
    inputs = {
        "label": np.array([3, 1, 3, 1, 3], np.int32),
        "seed": np.arange(5, 10, dtype=np.int64),
        "truncation": np.full(5, 0.7, np.float32),
    }
    expected = session_model.predict("serving_default", inputs)["image"]
    assert images.dtype == np.uint8
    assert np.abs(images.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("resolution", "sizes"), [(32, [16, 4]), (256, [8, 8, 4]), (512, [2] * 10)]
)
def test_requests_are_as_large_as_servers_take(resolution, sizes, monkeypatch):
    asked = []

    class Recording:
        def served(self):
            return transport.Served(num_classes=0, resolution=resolution)

        def pngs(self, inputs):
            asked.append(len(inputs["seed"]))
            return [b""] * len(inputs["seed"])

    monkeypatch.setattr(png, "decode_pngs", len)
    assert client.fetch(Recording(), client.Request(count=20), attempts=1) == 20
    assert asked == sizes
    assert sizes[0] <= batch_sizes(resolution)[-1]


def test_all_classes_in_turn_and_large_seeds(server):
    request = client.Request(count=12, seed=2**62, batch=12)
    (inputs,) = client.batches(request, connect(server).served().num_classes)
    assert list(inputs["label"]) == [*range(10), 0, 1]
    assert inputs["seed"][-1] == 2**62 + 11
    assert client.fetch(connect(server), request, 1).shape == (12, 32, 32, 1)


def test_waits_for_an_unavailable_server(server, monkeypatch):
    waits = []
    monkeypatch.setattr(transport.time, "sleep", waits.append)
    server.unavailable = 3
    inputs = next(client.batches(client.Request(count=1, batch=1), 10))
    call = functools.partial(connect(server).pngs, inputs)
    files = transport.with_retries(call, 4, waits.append)
    assert len(files) == 1 and len(waits) == 3
    assert 0.1 <= waits[0] <= 0.2 and 0.4 <= waits[2] <= 0.8
    server.unavailable = 2
    with pytest.raises(InputError, match="not ready.* Tried 2 times; is the server"):
        transport.with_retries(call, 2, waits.append)
    server.unavailable = 0


def test_a_late_answer_is_not_asked_for_again(server):
    server.hang_s = 1.0
    inputs = next(client.batches(client.Request(count=1, batch=1), 10))
    slow = connect(server, timeout_s=0.3)
    calls = []

    def call():
        calls.append(1)
        return slow.pngs(inputs)

    with pytest.raises(InputError, match="did not answer within 0.3 s"):
        transport.with_retries(call, 5)
    server.hang_s = 0.0
    assert len(calls) == 1


def test_what_the_server_refuses_is_not_asked_for_again(server):
    inputs = next(client.batches(client.Request(count=1, batch=1, label=(3,)), 10))
    inputs["label"] = np.array([77], np.int32)
    sentence = r"refused .*label must be a class from 0 to 9; the request has 77$"
    with pytest.raises(InputError, match=sentence):
        transport.with_retries(lambda: connect(server).pngs(inputs), 5)


def test_no_such_model(server):
    with pytest.raises(InputError, match="serves no model 'nope'"):
        connect(server, model="nope").served()


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("http://localhost:abc", "--host or --model: .*abc"),
        ("foo://bar", "unknown url type"),
    ],
)
def test_what_no_server_can_have_is_not_tried_again(host, message):
    with pytest.raises(InputError, match=message) as refused:
        client.fetch(
            client.connect(host, "rest", "m", 1.0), client.Request(), attempts=3
        )
    assert "Tried" not in str(refused.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nobody_listens(protocol):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    unreachable = client.connect(address, protocol, "smallgan", 5.0)
    with pytest.raises(InputError, match=r"Tried 2 times; is the server running"):
        transport.with_retries(unreachable.served, 2, lambda _: None)


def test_something_else_answers(monkeypatch):
    other = RestTransport("localhost", "smallgan", 1.0)
    monkeypatch.setattr(other, "_ask", lambda *_: {"metadata": {}})
    with pytest.raises(InputError, match="did not answer as a model"):
        other.served()


@pytest.mark.parametrize(
    "change, num_classes, sentence",
    [
        ({"label": (10,)}, 10, "--label=10 is not a class .* 0 to 9"),
        ({"label": (-1,)}, 10, "--label=-1 is not a class"),
        ({"label": (0,)}, 0, "has no classes; leave it out"),
        ({"truncation": 0.0}, 10, r"--truncation=0.0 is outside \(0, 1\]"),
        ({"truncation": float("nan")}, 10, "--truncation=nan is outside"),
        ({"seed": -1}, 10, "--seed=-1 is not from 0"),
        ({"batch": 16}, 10, "--batch=16: servers take 8 images of 256 px at once"),
        ({"seed": 2**63 - 1}, 10, "is not from 0 to below 2"),
    ],
)
def test_checks_before_it_sends(change, num_classes, sentence):
    with pytest.raises(InputError, match=sentence):
        client.check(client.Request(**change), transport.Served(num_classes, 256))


def test_command_line(session_model, tmp_path):
    out = tmp_path / "grid.png"
    with servers.rest_server(session_model) as server:
        address = f"http://{server.address}"
        flags = ["--label=3", "--count=4", "--truncation=0.5", f"--out={out}"]
        client.main(["client", f"--host={address}", *flags])
        assert [body["inputs"]["label"] for body in server.requests] == [[3] * 4]
    sheet = tf.io.decode_png(out.read_bytes())
    assert sheet.shape[-1] == 1 and min(sheet.shape[:2]) >= 128
    for flags, sentence in (
        (["--label=three"], "--label=three is not a class number"),
        (["--batch=33"], "batch"),
        (["--nope"], "Unknown command line flag 'nope'"),
        (["grid.png"], "'grid.png' is not a flag"),
    ):
        with pytest.raises(InputError, match=sentence):
            client.main(["client", *flags])


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def real_server(folder):
    """tensorflow_model_server on free ports: (gRPC port, REST port)."""
    program = shutil.which("tensorflow_model_server")
    if program is None:
        pytest.skip("tensorflow_model_server is not on the PATH")
    ports = _free_port(), _free_port()
    process = subprocess.Popen(
        [
            program,
            f"--port={ports[0]}",
            f"--rest_api_port={ports[1]}",
            "--model_name=smallgan",
            f"--model_base_path={folder}",
        ]
    )
    try:
        yield ports
    finally:
        process.terminate()
        process.wait()


def test_the_real_server(exported, session_model, tmp_path):
    with real_server(exported.parent) as ports:
        time.sleep(1)
        for port, protocol in zip(ports, ("grpc", "rest")):
            run = run_module(
                "export.client",
                f"--host=localhost:{port}",
                f"--protocol={protocol}",
                "--attempts=10",
                f"--out={tmp_path / protocol}.png",
            )
            assert run.returncode == 0, run.stderr
