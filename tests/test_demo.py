"""The demos as a newcomer runs them: what is printed, what is drawn, and how they end when something is wrong."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

from lamina import demo
from lamina.cli import main

# A machine without a network: no name is ever resolved.
OFFLINE = (
    "import socket, sys; socket.getaddrinfo = lambda *a, **k: (_ for _ in ()).throw(socket.gaierror('offline'))\n"
    "from lamina.cli import main; sys.exit(main(sys.argv[1:]))"
)


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the real data sets, as LAMINA_DATA."""
    given = os.environ.get("LAMINA_DATA")
    folder = Path(given).expanduser() if given else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real data: set LAMINA_DATA to the folder that holds it")
    monkeypatch.setenv("LAMINA_DATA", str(folder))
    return folder


def check_pictures(folder: Path, *names: str) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted([*names, "report.html"])
    page = (folder / "report.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert page.count("data:image/png") > len(names)
    for name in names:
        pixels = imread(folder / name)[..., :3]
        assert min(pixels.shape[:2]) > 200, name
        assert len({tuple(color) for color in pixels[::4, ::4].reshape(-1, 3).tolist()}) > 5, name


CLASSIFIER_PICTURES = ("learning_curves.png", "confusion_matrix.png", "worst_mistakes.png")


def test_digits_prints_a_report_and_draws_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--epochs", "2", "--out", str(tmp_path / "new" / "pictures")]) == 0
    text, errors = capsys.readouterr()
    assert errors == ""
    check_pictures(tmp_path / "new" / "pictures", *CLASSIFIER_PICTURES)
    for part in (
        "dense_1 (Dense)",
        "Epoch 1/2",
        "Epoch 2/2",
        "val_accuracy",
        "weighted avg",
        "Trained for 2 epochs in",
    ):
        assert part in text
    accuracy = float(re.search(r"On the 360 test images: accuracy (0\.\d+)", text)[1])  # type: ignore[index]
    assert 0.5 < accuracy < 1
    assert f"Pictures in {tmp_path / 'new' / 'pictures'}:\n  learning_curves.png" in text
    assert f"All of it in one page: {tmp_path / 'new' / 'pictures' / 'report.html'}\n" in text
    assert re.search(
        r"Done in \d+\.\d s. Next: lamina demo fashion-mnist or lamina demo housing; .*demo\.py$", text.strip()
    )


def test_digits_with_all_epochs_learns_the_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "_draw", lambda folder, pictures: None)
    assert main(["demo", "digits", "--out", str(tmp_path)]) == 0
    found = re.search(r"test images: accuracy (0\.\d+)", capsys.readouterr().out)
    assert found
    assert float(found[1]) > 0.95


def test_seed_repeats_a_demo_to_the_last_digit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "_draw", lambda folder, pictures: None)

    def losses(seed: str) -> list[str]:
        assert main(["demo", "--epochs", "1", "--seed", seed, "--out", str(tmp_path)]) == 0
        return re.findall(r"loss: [\d.]+", capsys.readouterr().out)

    first = losses("1")
    assert first
    assert losses("1") == first
    assert losses("2") != first


@pytest.mark.slow
def test_fashion_mnist_is_the_network_of_the_notes(
    tmp_path: Path, real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "fashion-mnist", "--epochs", "1", "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    check_pictures(tmp_path, *CLASSIFIER_PICTURES)
    assert "Total params: 266,610 (1.02 MB)" in text
    assert "1719/1719" in text
    assert "T-shirt/top" in text
    found = re.search(r"10,000 test images: accuracy (0\.\d+)", text)
    assert found
    assert float(found[1]) > 0.78  # the notes' first epoch: 0.83 on the validation images


@pytest.mark.slow
def test_housing_is_the_network_of_the_notes(
    tmp_path: Path, real_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "housing", "--epochs", "3", "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    check_pictures(tmp_path, "learning_curves.png", "predicted_vs_actual.png")
    assert "Total params: 5,618 (21.95 KB)" in text
    assert "363/363" in text
    assert len(re.findall(r"district \d: predicted \$[\d,]+, true \$[\d,]+", text)) == 3
    mse, rmse = (float(x) for x in re.search(r"MSE ([\d.]+), RMSE ([\d.]+)", text).groups())  # type: ignore[union-attr]
    assert rmse == pytest.approx(mse**0.5, abs=1e-3)
    assert rmse < 0.75  # the notes' third epoch: 0.70 on the validation districts


@pytest.mark.parametrize("name", ["fashion-mnist", "housing"])
def test_offline_without_data_is_one_sentence_and_exit_code_2(name: str, tmp_path: Path) -> None:
    environment = {**os.environ, "LAMINA_CACHE": str(tmp_path / "cache"), "NO_PROXY": "*"}
    environment.pop("LAMINA_DATA", None)
    result = subprocess.run(
        [sys.executable, "-c", OFFLINE, "demo", name, "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert result.returncode == 2
    assert result.stderr.startswith("lamina demo: ")
    assert result.stderr.count("\n") == 1
    assert "try again with a working internet connection, or set LAMINA_DATA to a folder that holds" in result.stderr


def test_folder_that_cannot_be_written_to_is_said_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = subprocess.run(
        [sys.executable, "-m", "lamina", "demo", "--out", str(tmp_path / "file" / "pictures")],
        capture_output=True,
        text=True,
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"lamina demo: cannot write into the folder {tmp_path / 'file' / 'pictures'} (Not a directory); "
        "choose another with --out DIR.\n"
    )


def test_missing_matplotlib_costs_the_pictures_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["demo", "--epochs", "1", "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert 'No pictures: lamina.visual needs Matplotlib. Install it: pip install "lamina[plots]"' in text
    assert "weighted avg" in text


def test_pictures_that_cannot_be_written_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "_writable", lambda folder: tmp_path / "gone")
    assert main(["demo", "--epochs", "1"]) == 2
    assert capsys.readouterr().err == (
        f"lamina demo: the pictures could not be written into {tmp_path / 'gone'} (No such file or directory).\n"
    )


@pytest.mark.parametrize("moment", ["lamina 0", "Epoch 3/"])
def test_ctrl_c_ends_with_one_line_and_exit_code_130(moment: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "lamina", "demo", "--epochs", "100000", "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(moment):
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "lamina demo: stopped by Ctrl-C.\n")
    assert list(tmp_path.iterdir()) == []
