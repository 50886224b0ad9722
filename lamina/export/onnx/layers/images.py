"""Image layers: those that draw do nothing outside of training, the others cut and resize."""

from __future__ import annotations

from typing import Any

from lamina.export.onnx.graph import Value, in_file
from lamina.export.onnx.operations.images import resize, to_whole
from lamina.export.onnx.registry import CannotExport, layer_emitter
from lamina.export.onnx.translation import Translation
from lamina.layers.preprocessing.images._base import ImageLayer, RandomImageLayer
from lamina.layers.preprocessing.images.cropping import CenterCrop, RandomCrop
from lamina.layers.preprocessing.images.mixing import CutMix, MixUp
from lamina.layers.preprocessing.images.resizing import Resizing


@layer_emitter(ImageLayer, MixUp, CutMix)
def image_layer(graph: Translation, layer: ImageLayer, data: Any) -> Value:
    if isinstance(data, dict):
        raise CannotExport("it is given images in a dict, with what belongs to them")
    dtype = in_file(layer.dtype_for(data.dtype))
    whole = not dtype.startswith("float")
    images = data if whole and isinstance(layer, Resizing) else graph.as_float(data)
    return to_whole(graph, _transformed(graph, layer, images), dtype)


def _transformed(graph: Translation, layer: ImageLayer, images: Value) -> Value:
    kind = type(layer)
    if kind.transform_images is CenterCrop.transform_images:
        return _center_crop(graph, layer, images)
    if kind.transform_images is RandomCrop.transform_images:
        return _largest(graph, layer, images)
    if kind.transform_images is Resizing.transform_images:
        return _resized(graph, layer, images)
    still = RandomImageLayer.draw_outside_training
    if isinstance(layer, RandomImageLayer) and kind.draw_outside_training is still:
        return images
    raise CannotExport("what it does to images has no form in ONNX that lamina writes")


def _resized(graph: Translation, layer: Any, images: Value) -> Value:
    return resize(
        graph,
        images,
        (layer.height, layer.width),
        layer.interpolation,
        layer.antialias,
        layer.crop_to_aspect_ratio,
        layer.pad_to_aspect_ratio,
        fill_value=layer.fill_value,
        data_format=layer.data_format,
    )


def _center_crop(graph: Translation, layer: Any, images: Value) -> Value:
    axes = (
        [images.rank - 3, images.rank - 2]
        if layer.data_format == "channels_last"
        else [images.rank - 2, images.rank - 1]
    )
    sizes: list[Any] = [images.shape[axis] for axis in axes]
    if None in sizes:
        raise CannotExport("the middle of images of a free size has no form in ONNX that lamina writes")
    if sizes[0] < layer.height or sizes[1] < layer.width:
        return _largest(graph, layer, images)
    starts = [(size - wanted) // 2 for size, wanted in zip(sizes, (layer.height, layer.width), strict=True)]
    return graph.slice(images, starts, [starts[0] + layer.height, starts[1] + layer.width], axes)


def _largest(graph: Translation, layer: Any, images: Value) -> Value:
    size = (layer.height, layer.width)
    return resize(graph, images, size, crop_to_aspect_ratio=True, data_format=layer.data_format)
