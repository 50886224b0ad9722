"""`export_model`: what `model.export` does. It finds the format, writes the file, and says what it takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lamina.core.errors import check_choice, closest_match
from lamina.export import saved_model, stablehlo
from lamina.export.onnx.exporting import onnx_model
from lamina.export.signature import endpoint_text, inputs_of
from lamina.files import replacing, to_path


def export_model(
    model: Any,
    filepath: Any,
    format: str | None = None,
    verbose: bool | None = None,
    input_signature: Any = None,
    **options: Any,
) -> None:
    """Write a model's forward pass as a file that runs without lamina; see `Model.export`."""
    path = to_path(filepath)
    format = _format_of(path, format)
    _check_options(format, options)
    inputs = inputs_of(model, input_signature)
    extension = _EXTENSIONS[format]
    if extension and not _extension(path):
        path = path.with_name(path.name + extension)
    outputs = _WRITERS[format](model, inputs, path, **options)
    if verbose is None or verbose:
        text = endpoint_text(inputs, outputs)
        print(f"Saved artifact at '{path}'. The following endpoints are available:\n\n{text}")


def _write_stablehlo(model: Any, inputs: Any, path: Path) -> Any:
    module = stablehlo.exported(model, inputs)
    with replacing(path) as file:
        file.write(module.serialize())
    return stablehlo.output_specs(module)


def _write_onnx(model: Any, inputs: Any, path: Path, opset_version: int | None = None) -> Any:
    proto, outputs = onnx_model(model, inputs, opset_version)
    with replacing(path) as file:
        file.write(proto.SerializeToString(deterministic=True))
    return outputs


_WRITERS: dict[str, Callable[..., Any]] = {
    "stablehlo": _write_stablehlo,
    "onnx": _write_onnx,
    "tf_saved_model": saved_model.write,
}
_EXTENSIONS = {"stablehlo": ".stablehlo", "onnx": ".onnx", "tf_saved_model": ""}
_OPTIONS = {"stablehlo": (), "onnx": ("opset_version",), "tf_saved_model": ()}


def _extension(path: Path) -> str:
    """What comes behind the last dot, unless it is a number, as in "model-v1.2"."""
    return "" if path.suffix[1:].isdigit() else path.suffix.lower()


def _format_of(path: Path, given: str | None) -> str:
    """The format that is asked for, or that the extension stands for; without both, StableHLO."""
    extension = _extension(path)
    by_extension = next((name for name, known in _EXTENSIONS.items() if extension and known == extension), None)
    if given is not None:
        check_choice("format", given, _WRITERS, "export: ")
        if by_extension not in (None, given):
            raise ValueError(
                f"export: filepath {str(path)!r} ends in {extension!r}, and format={given!r} was given. Leave one "
                "of them out."
            )
        return given
    if extension and by_extension is None:
        known = [name for name in _EXTENSIONS.values() if name]
        raise ValueError(
            f"export: filepath: the extension {extension!r} stands for no format; known are {known}."
            f"{closest_match(extension, known)} Leave it out, or pass format=, one of {list(_WRITERS)}."
        )
    return by_extension or "stablehlo"


def _check_options(format: str, options: dict[str, Any]) -> None:
    known = _OPTIONS[format]
    unknown = next((name for name in options if name not in known), None)
    if unknown is not None:
        takes = f"it takes {list(known)}" if known else "it takes none"
        raise TypeError(
            f"export: unknown option {unknown!r} for format {format!r}: {takes}.{closest_match(unknown, known)}"
        )
