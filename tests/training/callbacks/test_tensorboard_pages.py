"""What the callback writes, in the real TensorBoard: its server on this machine, its pages in a real browser."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.callbacks import TensorBoard
from lamina.optimizers import SGD
from tests.training.helpers import regression_data

pytest.importorskip("tensorboard")

X, Y = regression_data(48)


def network(rate):
    x = layers.Input((4,), name="x")
    inner = lamina.Sequential([layers.Input((2,)), layers.Dense(3, name="deep")], name="inner")
    joined = layers.Concatenate(name="joined")([inner(layers.Dense(2, name="first")(x)), x])
    model = lamina.Model(x, layers.Dense(1, name="out")(joined), name="net")
    model.compile(SGD(rate), "mse")
    return model


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Two runs, and one with an embedding."""
    folder = tmp_path_factory.mktemp("logs")
    for run, rate in (("run_1", 0.01), ("run_2", 0.1)):
        fit = {"epochs": 6, "validation_split": 0.25, "verbose": 0}
        network(rate).fit(X, Y, callbacks=[TensorBoard(folder / run)], **fit)
    words = lamina.Sequential([layers.Input((2,)), layers.Embedding(5, 3, name="words"), layers.Flatten()])
    words.compile("sgd", "mse")
    callback = TensorBoard(folder / "words", embeddings_freq=1)
    words.fit(np.arange(10).reshape(5, 2) % 5, np.ones((5, 6)), verbose=0, callbacks=[callback])
    return folder, words.layers[0].embeddings.numpy()


@pytest.fixture(scope="module")
def server(logs):
    """Address of a TensorBoard that serves them at a free port."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logs[0]), "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = []
    for line in process.stderr:
        said.append(line)
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        if found:
            break
    else:
        pytest.fail("TensorBoard did not start: " + "".join(said))
    yield found.group()
    process.terminate()
    process.communicate(timeout=30)


def fetched(address):
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read()


def test_the_projector_opens_the_embedding(server, logs):
    plugin = f"{server}data/plugin/projector"
    assert json.loads(fetched(f"{plugin}/runs")) == ["words/train"]
    (entry,) = json.loads(fetched(f"{plugin}/info?run=words%2Ftrain"))["embeddings"]
    assert entry["tensorShape"] == [5, 3]
    name = urllib.parse.quote(entry["tensorName"])
    table = np.frombuffer(fetched(f"{plugin}/tensor?run=words%2Ftrain&name={name}"), "float32")
    np.testing.assert_array_equal(table.reshape(5, 3), logs[1])


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)
    if program is None:
        pytest.skip("Chromium is not installed in /usr/bin")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """A page, and what goes wrong in it."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    wrong = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.set_default_timeout(60_000)
    yield page, wrong
    page.close()


def keep(page, name, tmp_path):
    """Keep a picture of the page, in $LAMINA_ARTIFACTS if it is set."""
    folder = Path(os.environ.get("LAMINA_ARTIFACTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"tensorboard-{name}.png")
    assert (folder / f"tensorboard-{name}.png").stat().st_size > 10_000


@pytest.mark.slow
def test_the_page_of_scalars_shows_the_curves_of_two_runs(server, page, tmp_path):
    page, wrong = page
    page.goto(f"{server}#scalars")
    chart = page.locator("tf-scalar-card").filter(has_text="tag: epoch_loss")
    drawn = chart.locator('path.line[d*="L"]')  # those with a line in them
    drawn.nth(3).wait_for(state="attached")
    lines = set(drawn.evaluate_all("lines => lines.map(line => line.getAttribute('d'))"))
    assert len([shape for shape in lines if shape.count(",") == 6]) >= 4  # training and validation of each, 6 epochs
    for run in ("run_1/train", "run_1/validation", "run_2/train", "run_2/validation"):
        assert page.get_by_text(run, exact=True).first.is_visible()
    keep(page, "scalars", tmp_path)
    assert wrong == []


@pytest.mark.slow
def test_the_page_of_graphs_draws_the_model(server, page, tmp_path):
    page, wrong = page
    page.goto(f"{server}#graphs")
    page.locator("g.nodeshape").nth(4).wait_for()
    nodes = page.locator("g.node").evaluate_all("nodes => nodes.map(node => node.getAttribute('data-name'))")
    assert sorted(nodes) == ["first", "inner", "joined", "out", "x"]
    assert page.locator("g.edge").count() >= 5
    keep(page, "graphs", tmp_path)
    assert wrong == []
