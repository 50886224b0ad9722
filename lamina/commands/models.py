"""`lamina summary`, `export` and `convert`: what is in a file, and the same model in another format."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

FORMATS = {"onnx": ".onnx", "stablehlo": ".stablehlo", "tf_saved_model": ""}


def add_summary_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `lamina summary`."""
    parser.add_argument("model", metavar="MODEL", help="a .keras or .h5 file, or a folder that `lamina train` wrote")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `lamina export`."""
    parser.add_argument("model", metavar="MODEL", help="a .keras or .h5 file, or a folder that `lamina train` wrote")
    parser.add_argument("-o", "--out", metavar="PATH", help="default: MODEL with the format's ending")
    parser.add_argument("--format", choices=FORMATS, default="onnx", help="default: onnx")


def add_convert_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `lamina convert`."""
    parser.add_argument("model", metavar="MODEL", help="a .keras or older .h5 file, of lamina or Keras")
    parser.add_argument("out", metavar="OUT", help=".keras, or weights alone: .weights.h5, .weights.json, .safetensors")


def summary(options: argparse.Namespace) -> int:
    """Print a model's layers, shapes and numbers of parameters."""
    model = _load(options.model)
    if not options.json:
        model.summary()
        return 0
    layers = [
        {
            "name": layer.name,
            "class": type(layer).__name__,
            "parameters": layer.count_params() if layer.built else None,
            "trainable": layer.trainable,
        }
        for layer in model.layers
    ]
    print(json.dumps({"name": model.name, "parameters": model.count_params(), "layers": layers}, indent=1))
    return 0


def export(options: argparse.Namespace) -> int:
    """Write a model for other programs to run."""
    source = Path(options.model)
    out = options.out or source.with_name(_stem(source) + FORMATS[options.format])
    _load(options.model).export(out, format=options.format)
    return 0


def convert(options: argparse.Namespace) -> int:
    """Write a model's file anew, or its weights alone."""
    from lamina.core.errors import LaminaError

    out, model = str(options.out), _load(options.model)
    if out.endswith((".weights.h5", ".weights.json", ".safetensors")):
        model.save_weights(out)
    elif out.endswith(".keras"):
        model.save(out)
    else:
        raise LaminaError(
            f"{out}: unknown ending. Known: .keras, .weights.h5, .weights.json, .safetensors; `lamina export` writes "
            "ONNX, StableHLO and SavedModel."
        )
    print(f"written to {out}")
    return 0


def _load(path: str) -> Any:
    """The model of a file, or of a folder that `lamina train` wrote."""
    import lamina
    from lamina.tables.model import NETWORK

    inside = Path(path).expanduser() / NETWORK
    return lamina.models.load_model(inside if inside.is_file() else path)


def _stem(source: Path) -> str:
    """The name without its ending."""
    return source.name if source.is_dir() else source.stem
