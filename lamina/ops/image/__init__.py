"""Operations on images under the names of `keras.ops.image`, as functions of arrays.

Each takes a batch (batch, height, width, channels) or one image (height, width, channels), or with data_format
"channels_first" (batch, channels, height, width), and returns a `jax.Array`; on the symbolic tensors of a model it
becomes a node of the graph. Read `colours.py` first; `_interpolation.py` is what all in `geometry.py` rest on,
`_resampling.py` what `resizing.py` does along each axis.
"""

from lamina.ops.image.borders import crop_images, pad_images
from lamina.ops.image.colours import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from lamina.ops.image.filters import gaussian_blur, sobel_edges
from lamina.ops.image.geometry import affine_transform, elastic_transform, map_coordinates, perspective_transform
from lamina.ops.image.patches import extract_patches, extract_patches_3d
from lamina.ops.image.resizing import resize, scale_and_translate
from lamina.ops.image.similarity import ssim

__all__ = [
    "affine_transform",
    "perspective_transform",
    "map_coordinates",
    "elastic_transform",
    "resize",
    "scale_and_translate",
    "crop_images",
    "pad_images",
    "gaussian_blur",
    "sobel_edges",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "hsv_to_rgb",
    "extract_patches",
    "extract_patches_3d",
    "ssim",
]
