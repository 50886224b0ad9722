"""Models that together hold every layer; each is made with lamina or, with the same arguments, with the real Keras.

Every layer is a branch of its own behind a `Dense`, so that it sees numbers that training changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina import layers as lamina_layers

# Public names that no branch can hold, each tested by itself: bases, functions, and layers around code of the user's.
BASES = {"Layer", "Input", "InputLayer", "Wrapper", "deserialize", "serialize"}
CODE = {"Lambda", "JaxLayer", "FlaxLayer", "EquinoxLayer"}
FUNCTIONS = {"add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract"}
PARTS = {"MaxNumBoundingBoxes"}  # changes boxes only
# lamina's own; which Keras cannot put into a graph, does not crop at inference, cannot read from its own config.
NOT_IN_KERAS = {"DepthMaxPooling", "Equalization", "RandomCrop", "RandomShear"}

VECTOR: list[tuple[str, dict[str, Any]]] = [
    ("Identity", {}),
    ("Activation", {"activation": "gelu"}),
    ("ELU", {"alpha": 0.5}),
    ("LeakyReLU", {"negative_slope": 0.1}),
    ("PReLU", {}),
    ("ReLU", {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.2}),
    ("Softmax", {}),
    ("Flatten", {}),
    ("RepeatVector", {"n": 2}),
    ("Reshape", {"target_shape": (3, 2)}),
    ("ActivityRegularization", {"l1": 0.01, "l2": 0.02}),
    ("AlphaDropout", {"rate": 0.3}),
    ("Dropout", {"rate": 0.3}),
    ("GaussianDropout", {"rate": 0.3}),
    ("GaussianNoise", {"stddev": 0.3}),
    ("BatchNormalization", {"momentum": 0.8}),
    ("GroupNormalization", {"groups": 3}),
    ("LayerNormalization", {}),
    ("RMSNormalization", {}),
    ("UnitNormalization", {}),
    ("Normalization", {"mean": 1.0, "variance": 4.0}),
    ("Rescaling", {"scale": 0.5, "offset": 1.0}),
    ("Dense", {"units": 2, "kernel_regularizer": "l2", "bias_constraint": "non_neg", "activation": "tanh"}),
    ("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 4, "bias_axes": "c"}),
]
SEQUENCE: list[tuple[str, dict[str, Any]]] = [
    ("Masking", {"mask_value": 0.5}),
    ("Permute", {"dims": (2, 1)}),
    ("SpatialDropout1D", {"rate": 0.3}),
    ("Conv1D", {"filters": 2, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2}),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2}),
    ("SeparableConv1D", {"filters": 2, "kernel_size": 3}),
    ("MaxPooling1D", {}),
    ("AveragePooling1D", {"pool_size": 3, "strides": 1, "padding": "same"}),
    ("GlobalMaxPooling1D", {}),
    ("GlobalAveragePooling1D", {}),
    ("AdaptiveMaxPooling1D", {"output_size": 2}),
    ("AdaptiveAveragePooling1D", {"output_size": 2}),
    ("UpSampling1D", {}),
    ("ZeroPadding1D", {}),
    ("Cropping1D", {}),
]
IMAGE: list[tuple[str, dict[str, Any]]] = [
    ("SpatialDropout2D", {"rate": 0.3}),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "strides": 2}),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2}),
    ("DepthwiseConv2D", {"kernel_size": 3}),
    ("SeparableConv2D", {"filters": 2, "kernel_size": 3, "padding": "same"}),
    ("MaxPooling2D", {}),
    ("AveragePooling2D", {"pool_size": 2, "padding": "same"}),
    ("GlobalMaxPooling2D", {}),
    ("GlobalAveragePooling2D", {}),
    ("AdaptiveMaxPooling2D", {"output_size": 2}),
    ("AdaptiveAveragePooling2D", {"output_size": 2}),
    ("DepthMaxPooling", {"pool_size": 3}),
    ("UpSampling2D", {}),
    ("ZeroPadding2D", {}),
    ("Cropping2D", {}),
    ("CenterCrop", {"height": 3, "width": 4}),
    ("Resizing", {"height": 4, "width": 5}),
]
RANDOM_IMAGE: list[tuple[str, dict[str, Any]]] = [
    ("RandomCrop", {"height": 3, "width": 4}),
    ("RandomFlip", {}),
    ("RandomRotation", {"factor": 0.1}),
    ("RandomZoom", {"height_factor": 0.1}),
    ("RandomTranslation", {"height_factor": 0.1, "width_factor": 0.1}),
    ("RandomShear", {"x_factor": 0.1}),
    ("RandomPerspective", {}),
    ("RandomElasticTransform", {}),
    ("RandomBrightness", {"factor": 0.1, "value_range": (0, 1)}),
    ("RandomContrast", {"factor": 0.1, "value_range": (0, 1)}),
    ("RandomColorDegeneration", {"factor": 0.5, "value_range": (0, 1)}),
    ("RandomColorJitter", {"value_range": (0, 1), "brightness_factor": 0.1}),
    ("RandomGrayscale", {}),
    ("RandomHue", {"factor": 0.1, "value_range": (0, 1)}),
    ("RandomSaturation", {"factor": 0.5, "value_range": (0, 1)}),
    ("RandomInvert", {"value_range": (0, 1)}),
    ("RandomPosterization", {"factor": 4, "value_range": (0, 1)}),
    ("RandomSharpness", {"factor": 0.1, "value_range": (0, 1)}),
    ("RandomGaussianBlur", {"value_range": (0, 1)}),
    ("AutoContrast", {"value_range": (0, 1)}),
    ("Equalization", {"value_range": (0, 1)}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"value_range": (0, 1), "tile_grid_size": (2, 2)}),
    ("Solarization", {"value_range": (0, 1)}),
    ("RandomErasing", {"value_range": (0, 1)}),
    ("MixUp", {}),
    ("CutMix", {}),
]
POLICIES: list[tuple[str, dict[str, Any]]] = [  # each takes as long to compile as all of the others
    ("RandAugment", {"value_range": (0, 1), "num_ops": 1}),
    ("AugMix", {"value_range": (0, 1), "num_chains": 1, "chain_depth": 1}),
]
VOLUME: list[tuple[str, dict[str, Any]]] = [
    ("SpatialDropout3D", {"rate": 0.3}),
    ("Conv3D", {"filters": 2, "kernel_size": 2}),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 2}),
    ("MaxPooling3D", {}),
    ("AveragePooling3D", {"pool_size": 2}),
    ("GlobalMaxPooling3D", {}),
    ("GlobalAveragePooling3D", {}),
    ("AdaptiveMaxPooling3D", {"output_size": 2}),
    ("AdaptiveAveragePooling3D", {"output_size": 2}),
    ("UpSampling3D", {"size": 1}),
    ("ZeroPadding3D", {}),
    ("Cropping3D", {}),
]
MERGING = ["Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply"]

SHAPES = {
    "vector": (6,),
    "sequence": (5, 3),
    "image": (6, 7, 3),
    "random image": (6, 7, 3),
    "policies": (6, 7, 3),
    "volume": (3, 4, 3, 2),
}
BRANCHES = {
    "vector": VECTOR,
    "sequence": SEQUENCE,
    "image": IMAGE,
    "random image": RANDOM_IMAGE,
    "policies": POLICIES,
    "volume": VOLUME,
}
MODELS = [*BRANCHES, "merging", "nested"]


def covered() -> set[str]:
    """The names of layers that the models hold, with the other names of the same classes."""
    names = {name for branches in BRANCHES.values() for name, _ in branches}
    names |= {*MERGING, "Subtract", "Dot", "Embedding", "TimeDistributed", "Pipeline"}
    classes = {getattr(lamina_layers, name) for name in names}
    return {name for name in lamina_layers.__all__ if getattr(lamina_layers, name) in classes}


def make(library: Any, kind: str, compiled: bool = True, both: bool = False) -> Any:
    """A model of the library; `both`: of layers only that both libraries have."""
    if kind == "merging":
        model = _merging(library)
    elif kind == "nested":
        model = _nested(library)
    else:
        model = _branches(library, kind, both)
    if compiled:
        model.compile(optimizer=library.optimizers.SGD(1e-4, momentum=0.9), loss="mse", metrics=["mae"])
    return model


def _branches(library: Any, kind: str, both: bool) -> Any:
    layers = library.layers
    inputs = layers.Input(SHAPES[kind])
    x = layers.Dense(SHAPES[kind][-1], activation="sigmoid", name="mixed")(inputs)
    held = [branch for branch in BRANCHES[kind] if not (both and branch[0] in NOT_IN_KERAS)]
    ends = []
    for name, arguments in held:
        end = layers.GlobalAveragePooling1D() if name == "Masking" else layers.Flatten()  # one that takes a mask
        ends.append(end(getattr(layers, name)(**arguments)(x)))
    return library.Model(inputs, layers.Dense(2)(layers.Concatenate()(ends)), name=kind.replace(" ", "_"))


def _merging(library: Any) -> Any:
    layers = library.layers
    inputs = layers.Input((4,), dtype="int32")
    x = layers.Embedding(7, 3)(inputs)
    y = layers.TimeDistributed(layers.Dense(3, activation="tanh"))(x)
    ends = [layers.Flatten()(getattr(layers, name)()([x, y])) for name in MERGING]
    ends += [layers.Flatten()(layers.Subtract()([x, y])), layers.Flatten()(layers.Dot(axes=1)([x, y]))]
    return library.Model(inputs, layers.Dense(2)(layers.Concatenate()(ends)), name="merging")


def _nested(library: Any) -> Any:
    layers = library.layers
    shared = layers.Dense(4, activation="relu", name="shared")
    inner = library.Sequential([layers.Input((4,)), layers.Dense(3), layers.BatchNormalization()], name="inner")
    a = layers.Input((4,), name="a")
    deep = library.Model(a, [inner(shared(a)), shared(a)], name="deep")
    inputs = layers.Input((4,), name="inputs")
    outer = layers.Dense(4, activation="relu", name="outer_shared")
    first, second = deep(outer(inputs))
    augment = layers.Pipeline([layers.RandomFlip(), layers.RandomContrast(0.1, value_range=(0, 1))])
    pictures = layers.Flatten()(augment(layers.Reshape((2, 1, 2))(second)))
    return library.Model(inputs, layers.Dense(2)(layers.Concatenate()([first, pictures, outer(second)])), name="outer")


def data(kind: str, rows: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets for a model."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(rows, 2)).astype("float32")
    if kind == "merging":
        return rng.integers(0, 7, (rows, 4)).astype("int32"), y
    return rng.uniform(0, 1, (rows, *SHAPES.get(kind, (4,)))).astype("float32"), y
