"""The report: its numbers against scikit-learn's, its lines run again, its page opened in a real browser."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

import lamina
from lamina import Model, Sequential, layers
from lamina.visual import report
from lamina.visual.reporting import page
from lamina.visual.reporting.outcomes import outcomes

SCRIPT = "<script>alert(1)</script>"
CLASSES = ["cat", SCRIPT, "dog & <img src=x onerror=alert(2)>"]
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((60, 8, 8)).astype("float32")
LABELS = RANDOM.integers(0, 3, 60)
TABLE = RANDOM.normal(size=(80, 10)).astype("float32")
PRICES = TABLE[:, 0] * 2 + TABLE[:, 1] ** 2


class Page(HTMLParser):
    """The tags, the tables by section, the facts, the preformatted texts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, list[list[list[str]]]] = {}
        self.facts: dict[str, str] = {}
        self.texts: list[str] = []
        self._section, self._term, self._into = "", "", None
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.sections.setdefault(self._section, []).append([])
        elif tag == "tr":
            self.sections[self._section][-1].append([])
        elif tag in ("td", "th"):
            self.sections[self._section][-1][-1].append("")
        elif tag == "pre":
            self.texts.append("")
        self._into = tag

    def handle_endtag(self, tag: str) -> None:
        self._into = None

    def handle_data(self, data: str) -> None:
        if self._into == "h2":
            self._section = data
            self.sections.setdefault(data, [])
        elif self._into in ("td", "th"):
            self.sections[self._section][-1][-1][-1] += data
        elif self._into == "dt":
            self._term = data
        elif self._into == "dd":
            self.facts[self._term] = data
        elif self._into == "pre":
            self.texts[-1] += data

    def rows(self, section: str, table: int = 0) -> dict[str, list[str]]:
        return {name: values for name, *values in self.sections[section][table][1:]}


@pytest.fixture(scope="module", autouse=True)
def few_pixels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "_DPI", 60)
        yield


def classifier() -> Sequential:
    """Made right after the seed was set, as the report's lines say."""
    lamina.utils.set_random_seed(7)
    hidden = layers.Dense(4, "relu", name=f"hidden{SCRIPT.replace('/', '')}")
    items = [layers.Input((8, 8)), layers.Flatten(), hidden, layers.Dropout(0.3), layers.Dense(3, "softmax")]
    model = Sequential(items, name=f"model {SCRIPT}".replace("/", ""))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def classified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sequential, Path]:
    model = classifier()
    model.fit(IMAGES, LABELS, epochs=2, validation_data=(IMAGES, LABELS), verbose=0)
    path = tmp_path_factory.mktemp("report") / "report.html"
    options: dict[str, Any] = {"fit_arguments": {"epochs": 2, "batch_size": 32}, "training_seconds": 1.25}
    assert model.report(IMAGES, LABELS, path, class_names=CLASSES, train_data=(IMAGES, LABELS), **options) == path
    return model, path


# The page -------------------------------------------------------------------------------------------------------------


def test_sections_come_in_order(classified: tuple[Sequential, Path]) -> None:
    assert list(Page(classified[1]).sections) == [
        "Result", "Architecture", "Data", "Training", "Scores", "Confusion matrix", "Worst mistakes",
        "Time and memory", "Repeat the run",
    ]  # fmt: skip


def test_names_are_texts_and_nothing_is_loaded_from_elsewhere(classified: tuple[Sequential, Path]) -> None:
    found = Page(classified[1])
    assert "script" not in {tag for tag, _ in found.tags}
    assert SCRIPT not in found.source
    assert html.escape(SCRIPT) in found.source
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href"):
            target = attributes.get(name) or "data:"
            assert target.startswith(("data:", "#part")), (tag, target)
    assert "url(" not in found.source
    assert set(re.findall(r"https?://[^\"' <]*", found.source)) == {"http://www.w3.org/2000/svg"}
    assert [row[0] for row in found.sections["Scores"][0][1:4]] == CLASSES


def test_scores_are_scikit_learns(classified: tuple[Sequential, Path]) -> None:
    model, path = classified
    found = Page(path)
    predicted = model.predict(IMAGES, verbose=0).argmax(axis=1)
    expected = metrics.classification_report(LABELS, predicted, target_names=CLASSES, output_dict=True, zero_division=0)
    drawn = found.rows("Scores")
    assert float(drawn.pop("accuracy")[2]) == pytest.approx(expected.pop("accuracy"), abs=5e-4)
    assert list(drawn) == list(expected)
    for name, values in drawn.items():
        assert np.allclose([float(value) for value in values], list(expected[name].values()), atol=5e-4), name
    loss, accuracy = model.evaluate(IMAGES, LABELS, verbose=0)
    assert (found.facts["loss"], found.facts["accuracy"]) == (f"{loss:.4g}", f"{accuracy:.4g}")


def test_data_are_described(classified: tuple[Sequential, Path]) -> None:
    found = Page(classified[1])
    values = [f"{value:.4g}" for value in (IMAGES.min(), IMAGES.mean(dtype="float64"), IMAGES.max())]
    assert found.rows("Data")["test x"] == ["60x8x8", "float32", *values, "0"]
    counts = np.bincount(LABELS)
    rows = found.rows("Data", 1)
    assert [rows[name] for name in CLASSES] == [[str(n), f"{n / 60:.1%}", str(n)] for n in counts]


def test_time_memory_and_versions_are_told(classified: tuple[Sequential, Path]) -> None:
    found = Page(classified[1])
    assert found.facts["seconds of training"] == "1.2"
    assert found.facts["parameters"] == f"{classified[0].count_params():,}"
    assert float(found.facts["rows a second"].replace(",", "")) > 0
    rows = found.rows("Repeat the run")
    assert rows["seed"] == ["7"]
    assert rows["lamina"] == [lamina.__version__]
    assert rows["numpy"] == [np.__version__]


def test_the_lines_repeat_the_run_to_the_same_weights(classified: tuple[Sequential, Path]) -> None:
    model, path = classified
    names: dict[str, Any] = {"x_train": IMAGES, "y_train": LABELS}
    exec(Page(path).texts[-1].replace("batch_size=32)", "batch_size=32, verbose=0)"), names)
    again = names["model"]
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


# Other tasks ----------------------------------------------------------------------------------------------------------


def test_a_regression_has_errors_residuals_and_its_worst_rows(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(TABLE, columns=[f"column {i}" for i in range(9)] + ["<b>"])
    model = Sequential([layers.Input((10,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    found = Page(model.report(frame, PRICES, tmp_path / "report.html", unit="price ($)"))
    predicted = model.predict(TABLE, verbose=0)[:, 0]
    assert float(found.facts["mean absolute error"]) == pytest.approx(
        metrics.mean_absolute_error(PRICES, predicted), rel=1e-3
    )
    assert float(found.facts["R²"]) == pytest.approx(metrics.r2_score(PRICES, predicted), abs=1e-3)
    head, *rows = found.sections["Worst predictions"][0]
    assert head == ["no.", "true", "predicted", "error", *(f"column {i}" for i in range(8))]
    order = np.argsort(-abs(predicted - PRICES))[: len(rows)]
    assert [int(row[0]) for row in rows] == order.tolist()
    assert np.allclose([float(v) for v in rows[0][4:]], TABLE[order[0], :8], rtol=1e-3)
    assert "Training" not in found.sections  # it was not trained


def test_each_of_several_outputs_has_its_sections(tmp_path: Path) -> None:
    table = layers.Input((10,), name="table")
    kind, tags = layers.Dense(1, name="kind")(table), layers.Dense(3, "sigmoid", name="tags")(table)
    model = Model(table, [kind, tags, layers.Dense(2, name="value")(table)])
    loss = [lamina.losses.BinaryCrossentropy(from_logits=True), "binary_crossentropy", "mse"]
    model.compile("adam", loss)
    marks = (TABLE[:, :3] > 0).astype("float32")
    targets = {"kind": PRICES > 0, "tags": marks, "value": TABLE[:, :2]}
    names = {"kind": ["low", "high"], "tags": ["a", "b", "<c>"]}
    found = Page(model.report(TABLE, targets, tmp_path / "report.html", class_names=names))
    logits, probabilities, _ = model.predict(TABLE, verbose=0)
    rows = found.rows("Scores of kind")
    assert float(rows["accuracy"][2]) == pytest.approx(np.mean((logits[:, 0] > 0) == (PRICES > 0)), abs=5e-4)
    assert found.sections["Worst mistakes of kind"][0][0][:3] == ["no.", "true", "predicted"]
    by_label = metrics.precision_recall_fscore_support(marks, probabilities > 0.5, zero_division=0)
    areas = [metrics.roc_auc_score(marks[:, i], probabilities[:, i]) for i in range(3)]
    for i, name in enumerate(names["tags"]):
        expected = [*(part[i] for part in by_label[:3]), areas[i], by_label[3][i]]
        assert np.allclose([float(v) for v in found.rows("Scores of tags")[name]], expected, atol=5e-4), name
    assert found.sections["Worst predictions of value"][0][0][:2] == ["no.", "column"]


CASES = {  # (predictions, targets, loss): what it is, and the classes predicted
    "softmax": (np.eye(3)[[0, 2]], [0, 2], "sparse_categorical_crossentropy", "classification", [0, 2]),
    "one-hot": (np.eye(3)[[0, 2]], np.eye(3)[[0, 1]], "categorical_crossentropy", "classification", [0, 2]),
    "sigmoid": ([[0.2], [0.9]], [0, 1], "binary_crossentropy", "classification", [0, 1]),
    "hinge": ([[-0.2], [0.3]], [-1, 1], "hinge", "classification", [0, 1]),
    "labels": ([[0.2, 0.9], [0.8, 0.7]], [[0, 1], [1, 1]], "binary_crossentropy", "labels", [[0, 1], [1, 1]]),
    "pixels": (np.eye(2)[[[0, 1], [1, 1]]], [[0, 1], [1, 0]], None, "classification", [0, 1, 1, 1]),
    "numbers": ([[0.2], [0.9]], [0.3, 1.5], "mse", "regression", [[0.2], [0.9]]),
    "whole numbers": ([[3.2], [0.9]], [3, 1], "mse", "regression", [[3.2], [0.9]]),
    "own loss, classes": (np.eye(3)[[0, 2]], [0, 2], lambda a, b: 0, "classification", [0, 2]),
    "own loss, numbers": ([[3.2], [0.9]], [3, 1], lambda a, b: 0, "regression", [[3.2], [0.9]]),
}


@pytest.mark.parametrize(("predictions", "targets", "loss", "task", "expected"), CASES.values(), ids=CASES)
def test_the_task_is_found_out(predictions: Any, targets: Any, loss: Any, task: str, expected: Any) -> None:
    model = SimpleNamespace(loss=loss, output_names=None)
    (found,) = outcomes(model, [np.asarray(predictions, float)], [np.asarray(targets)], None, None)
    assert found.task == task
    assert np.array_equal(found.predicted, expected)


def test_logits_become_probabilities_where_the_loss_says_so() -> None:
    logits = RANDOM.normal(size=(20, 3)) * 5
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = SimpleNamespace(loss=loss, output_names=None)
    (found,) = outcomes(model, [logits], [np.zeros(20, int)], None, None)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert found.probabilities is not None
    assert np.allclose(found.probabilities, expected)
    model.loss = "sparse_categorical_crossentropy"  # which does not say so: they are scores, which rank
    (found,) = outcomes(model, [logits], [np.zeros(20, int)], None, None)
    assert found.probabilities is None


def test_answers_that_are_not_finite_are_told() -> None:
    model = SimpleNamespace(loss="sparse_categorical_crossentropy", output_names=None)
    with pytest.raises(ValueError, match=r"report: the model gives NaN or infinity in 3 of 6 pla.*weight_histograms"):
        outcomes(model, [np.array([[np.nan] * 3, [0.2, 0.5, 0.3]])], [np.array([0, 1])], None, None)


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"y_test": LABELS[:9]}, ValueError, r"y_test: expected as many rows as x_test has, 60, received 9"),
        ({"y_test": None}, ValueError, r"y_test: expected the targets of x_test, received None"),
        ({"y_test": LABELS + 1}, ValueError, r"y_test: expected labels from 0 to 2, received 3 for sample"),
        ({"y_test": LABELS.astype(str)}, ValueError, r"y_test: expected numbers, received dtype <U"),
        ({"y_test": [LABELS, LABELS]}, ValueError, r"y_test: expected targets for 1 outputs .*received 2"),
        ({"class_names": ["a"]}, ValueError, r"class_names: expected 3 names, .* received 1"),
        ({"task": "ranking"}, ValueError, r"task: expected one of \[None, 'classification', 'labels', 'regression'\]"),
        ({"x_test": iter([IMAGES])}, TypeError, r"x_test: expected arrays, received .* Collect batches"),
        ({"x_test": IMAGES[:0]}, ValueError, r"x_test: expected at least one row"),
        ({"path": 3}, TypeError, r"path: expected a path, received 3"),
    ],
    ids=["rows", "none", "range", "texts", "outputs", "names", "task", "iterator", "empty", "path"],
)
def test_what_cannot_be_reported_is_named_and_leaves_no_file(
    change: dict[str, Any], error: type[Exception], text: str, classified: tuple[Sequential, Path], tmp_path: Path
) -> None:
    arguments: dict[str, Any] = {"x_test": IMAGES, "y_test": LABELS, "path": tmp_path / "report.html"} | change
    with pytest.raises(error, match=rf"report: {text}"):
        classified[0].report(**arguments)
    assert list(tmp_path.iterdir()) == []


def test_models_that_are_not_ready_are_named(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"report: model: expected a model, received 3"):
        report(3, IMAGES, LABELS)
    with pytest.raises(ValueError, match=r"report: model .* is not compiled"):
        report(Sequential([layers.Input((8, 8)), layers.Flatten()]), IMAGES, LABELS)
    unbuilt = Sequential([layers.Dense(3)])
    unbuilt.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"report: model .* has no weights yet"):
        report(unbuilt, IMAGES, LABELS)


def test_a_folder_that_is_missing_is_told_before_anything_takes_time(
    classified: tuple[Sequential, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sequential, "predict", None)
    with pytest.raises(FileNotFoundError) as caught:
        classified[0].report(IMAGES, LABELS, tmp_path / "gone" / "report.html")
    assert "in a folder that exists" in caught.value.__notes__[0]


def test_missing_matplotlib_says_what_to_install(
    classified: tuple[Sequential, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "lamina\[plots\]"'):
        classified[0].report(IMAGES, LABELS, tmp_path / "report.html")


# The browser ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Callable[..., Any]]:
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    program = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)
    if program is None:
        pytest.skip("Chromium is not installed in /usr/bin")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium.new_page
        chromium.close()


@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desktop"])
def test_a_browser_shows_it_without_errors_requests_or_scripts(
    width: int, classified: tuple[Sequential, Path], browser: Callable[..., Any], tmp_path: Path
) -> None:
    shown = browser(viewport={"width": width, "height": 844})
    said: list[str] = []
    asked: list[str] = []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.on("dialog", lambda dialog: (said.append("alert"), dialog.dismiss()))
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(classified[1].as_uri())
    shown.screenshot(path=tmp_path / "report.png", full_page=True)
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [classified[1].as_uri()]
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.evaluate("document.scripts.length") == 0
    assert shown.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 100)")
    assert shown.inner_text("section:nth-of-type(5) tbody tr:nth-child(2) th") == SCRIPT
    outside = """[...document.querySelectorAll('svg g.layer')].filter(layer => {
        const box = layer.querySelector('rect').getBBox();
        return [...layer.querySelectorAll('text')].some(text => {
            const t = text.getBBox();
            return t.x < box.x || t.x + t.width > box.x + box.width || t.y + t.height > box.y + box.height + 1;
        });
    }).length"""
    assert shown.evaluate(outside) == 0  # no text is wider than its box
    shown.close()
