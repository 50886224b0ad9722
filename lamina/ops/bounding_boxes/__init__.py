"""Bounding boxes of objects in images: formats, what happens to them with their image, deltas, overlap.

Boxes are arrays (n, 4) or (batch, n, 4), or dicts {"boxes": (batch, n, 4), "labels": (batch, n)}, in one of `FORMATS`.
An image with fewer boxes than others is filled up with empty ones: -1 for each number and for the label (`empty.py`).
Read `formats.py` first. The public home of Keras' functions is `lamina.utils.bounding_boxes`.
"""

from lamina.ops.bounding_boxes.changes import affine_transform, clip_to_image_size, crop, pad
from lamina.ops.bounding_boxes.deltas import decode_deltas_to_boxes, encode_box_to_deltas
from lamina.ops.bounding_boxes.empty import EMPTY, densify, is_empty, label_empty, mark_empty
from lamina.ops.bounding_boxes.formats import FORMATS, check_format, convert_format
from lamina.ops.bounding_boxes.overlap import compute_ciou, compute_iou

__all__ = [
    "EMPTY",
    "FORMATS",
    "affine_transform",
    "check_format",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "densify",
    "encode_box_to_deltas",
    "is_empty",
    "label_empty",
    "mark_empty",
    "pad",
]
