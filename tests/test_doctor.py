"""The doctor: what it reports of this machine, and its advice on machines that are not at hand."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import jax
import pytest

from lamina import doctor


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAMINA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    return tmp_path


def test_report_has_the_versions_and_the_devices() -> None:
    report = doctor.examine()
    text = str(report)
    assert not report.broken
    for name in ("jax", "jaxlib", "numpy"):
        assert re.search(rf"^  {name} +{re.escape(importlib.metadata.version(name))}$", text, re.MULTILINE)
    for device in jax.devices():
        assert f"{device.platform}:{device.id}" in text


def test_required_packages_are_those_of_the_project_file() -> None:
    project = tomllib.loads((Path(doctor.__file__).parents[1] / "pyproject.toml").read_text())["project"]
    named = {re.match(r"[\w-]+", requirement)[0] for requirement in project["dependencies"]}  # type: ignore[index]
    assert named | {"jaxlib"} == set(doctor.REQUIRED)
    extras = re.findall(r"lamina\[(\w+)\]", str(doctor.OPTIONAL))
    assert extras
    assert set(extras) <= project["optional-dependencies"].keys()


def test_missing_package_is_advice_and_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    known = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name in ("optax", "pandas") else known(name))
    report = doctor.examine()
    assert report.broken
    assert report.advice == ["optax is missing: pip install optax"]
    assert "not installed (data frames: pip install pandas)" in str(report)


def test_jax_that_does_not_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise RuntimeError("no backend")

    monkeypatch.setattr(jax, "devices", fail)
    report = doctor.examine()
    assert report.broken
    assert "JAX does not start: no backend" in str(report)


def test_data_folder_is_listed(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_folders / "data" / "fashion-mnist").mkdir(parents=True)
    monkeypatch.setenv("LAMINA_DATA", str(own_folders / "data"))
    assert f"{own_folders / 'data'} with fashion-mnist" in str(doctor.examine())


def test_data_folder_that_is_none_is_advice(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMINA_DATA", str(own_folders / "none"))
    report = doctor.examine()
    assert report.advice == [f"LAMINA_DATA names {own_folders / 'none'}, which is no folder: correct it or unset it."]
    assert not report.broken


def test_folder_is_counted_in_files_and_mebibytes(own_folders: Path) -> None:
    folder = own_folders / "cache" / "datasets" / "some"
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(bytes(3 << 20))
    assert re.search(r"1 files?, 3.0 MiB +" + re.escape(str(folder.parent)), str(doctor.examine()))


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n", 535),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n", 580),
        ("NVRM version: unknown\n", 0),
    ],
)
def test_driver_version_is_read(text: str, driver: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "version").write_text(text)
    monkeypatch.setattr(doctor, "_DRIVER", tmp_path / "version")
    assert doctor.nvidia_driver() == driver


@pytest.mark.parametrize(("found", "driver"), [("/usr/bin/nvidia-smi", 0), (None, None)])
def test_nvidia_smi_tells_of_a_gpu_too(
    found: str | None, driver: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_DRIVER", tmp_path / "none")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: found)
    assert doctor.nvidia_driver() == driver


@pytest.mark.parametrize(
    ("driver", "plugin", "environ", "text"),
    [
        (580, None, {}, r'computes on the CPU: pip install --upgrade "jax\[cuda13\]"'),
        (0, None, {}, r'pip install --upgrade "jax\[cuda13\]"'),
        (550, None, {}, r'pip install --upgrade "jax\[cuda12\]"'),
        (550, "jax-cuda13-plugin", {}, r"although jax-cuda13-plugin .*\(this one: 550; CUDA 13 needs 580 or newer\)"),
        (580, None, {"JAX_PLATFORMS": "cpu"}, r"as JAX_PLATFORMS=cpu says; unset it"),
        (580, "jax-cuda13-plugin", {"CUDA_VISIBLE_DEVICES": "-1"}, r"as CUDA_VISIBLE_DEVICES=-1 says; unset it"),
    ],
)
def test_unused_gpu_gets_one_line_of_advice(
    driver: int, plugin: str | None, environ: dict[str, str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    (advice,) = doctor.gpu_advice("cpu", driver, plugin, environ)
    assert re.search(text, advice)


def test_windows_is_sent_to_wsl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    (advice,) = doctor.gpu_advice("cpu", 0, None, {})
    assert "WSL2" in advice


@pytest.mark.parametrize(("backend", "driver"), [("gpu", 580), ("cpu", None), ("tpu", 580)])
def test_no_advice_where_nothing_is_unused(backend: str, driver: int | None) -> None:
    assert list(doctor.gpu_advice(backend, driver, None, {})) == []
