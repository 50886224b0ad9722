"""RemoteMonitor, against servers on this machine; the requests are those of the real Keras."""

from __future__ import annotations

import inspect
import json
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import keras
import numpy as np
import pytest

from lamina.callbacks import LambdaCallback, RemoteMonitor
from lamina.training.callbacks import remote_monitor
from tests.training.callbacks.helpers import line
from tests.training.helpers import regression_data

X, Y = regression_data(40)


class Handler(BaseHTTPRequestHandler):
    """Notes each request; answers with the server's status, after its delay."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.seen.append((self.path, self.headers["Content-Type"], self.headers.get("X-Run"), body))
        time.sleep(self.server.delay)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.seen, server.status, server.delay = [], 200, 0
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server):
    return f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_sent_is_what_keras_sends(as_json, server):
    pytest.importorskip("requests", reason="Keras' RemoteMonitor needs requests")
    arguments = {"path": "/take/it/", "field": "values", "headers": {"X-Run": "7"}, "send_as_json": as_json}
    logs = {"loss": 0.1, "val_loss": np.float32(0.5), "name": "a & b = ü"}
    for kind in (RemoteMonitor, keras.callbacks.RemoteMonitor):
        kind(address(server), **arguments).on_epoch_end(3, logs)
    ours, theirs = server.seen
    assert ours == theirs
    assert ours[0] == "/take/it/"


def test_the_epochs_of_a_training_arrive(server):
    history = line().fit(X, Y, epochs=3, verbose=0, callbacks=[RemoteMonitor(address(server))]).history
    assert [path for path, *_ in server.seen] == ["/publish/epoch/end/"] * 3
    sent = [json.loads(parse_qs(body)["data"][0]) for *_, body in server.seen]
    assert sent == [{"epoch": e, "loss": history["loss"][e], "mae": history["mae"][e]} for e in range(3)]


def test_what_json_has_no_form_for_is_sent_as_null_or_lists(server):
    logs = {"loss": float("nan"), "worst": np.float64("inf"), "matrix": np.array([[1.5, np.nan]]), "thing": slice(2)}
    RemoteMonitor(address(server), send_as_json=True).on_epoch_end(0, logs)
    sent = json.loads(server.seen[0][-1])
    assert sent == {"epoch": 0, "loss": None, "worst": None, "matrix": [[1.5, None]], "thing": "slice(None, 2, None)"}


@pytest.mark.parametrize("failure", ["nobody", "status", "slow", "header"])
def test_a_server_that_fails_is_told_once_and_training_goes_on(failure, server, monkeypatch):
    monkeypatch.setattr(remote_monitor, "_SECONDS", 0.2)
    root, headers = address(server), None
    if failure == "nobody":
        root = "http://127.0.0.1:9"  # the port that throws away
    elif failure == "status":
        server.status = 503
    elif failure == "slow":
        server.delay = 0.4
    else:
        headers = {"Bad\nName": "x"}
    told = {"nobody": "refused", "status": "503", "slow": "timed out", "header": "Invalid header name"}[failure]
    epochs = []
    look = LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    model = line()
    with pytest.warns(UserWarning, match=f"RemoteMonitor: {root}/publish.* did not take .* epoch 1 .*{told}") as caught:
        model.fit(X, Y, epochs=3, verbose=0, callbacks=[RemoteMonitor(root, headers=headers), look])
    assert len(caught) == 1
    assert epochs == [0, 1, 2]


def test_a_server_that_comes_back_gets_the_later_epochs(server):
    server.status = 500

    def mend(epoch, logs):
        server.status = 200

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        callbacks = [RemoteMonitor(address(server)), LambdaCallback(on_epoch_end=mend)]
        line().fit(X, Y, epochs=3, verbose=0, callbacks=callbacks)
    assert len(caught) == 1
    assert len(server.seen) == 3


@pytest.mark.parametrize("root", ["localhost:9000", "file:///etc/passwd", "ftp://host", "", None, "http://"])
def test_a_root_that_is_no_address_is_refused(root):
    with pytest.raises(ValueError, match="RemoteMonitor: root: expected an address such as 'http://localhost:9000'"):
        RemoteMonitor(root)


def test_arguments_are_those_of_keras():
    ours, theirs = (inspect.signature(c.__init__).parameters for c in (RemoteMonitor, keras.callbacks.RemoteMonitor))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]
