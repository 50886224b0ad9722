"""Image networks in PyTorch: loops written by hand, channels_last, no DataLoader."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks._common import BATCH_SIZE, SEED


def cnn() -> nn.Module:
    """The notes' network for Fashion-MNIST: 1,413,834 weights."""

    def conv(inputs: int, outputs: int, size: int = 3) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, size, padding=size // 2), nn.ReLU()]

    return nn.Sequential(
        *conv(1, 64, 7),
        nn.MaxPool2d(2),
        *conv(64, 128),
        *conv(128, 128),
        nn.MaxPool2d(2),
        *conv(128, 256),
        *conv(256, 256),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2304, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(64, 10),
    )


class _Block(nn.Module):
    def __init__(self, inputs: int, filters: int, strides: int) -> None:
        super().__init__()
        self.deep = nn.Sequential(
            nn.Conv2d(inputs, filters, 3, strides, 1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, 1, 1, bias=False),
            nn.BatchNorm2d(filters),
        )
        self.wide: nn.Module = nn.Identity()
        if strides > 1 or inputs != filters:
            self.wide = nn.Sequential(nn.Conv2d(inputs, filters, 1, strides, bias=False), nn.BatchNorm2d(filters))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.deep(x) + self.wide(x))


def resnet18() -> nn.Module:
    """ResNet-18 for images of 32 x 32."""
    stages: list[nn.Module] = [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    inputs = 64
    for filters, strides in [(64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)]:
        stages.append(_Block(inputs, filters, strides))
        inputs = filters
    return nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


NETWORKS = {"cnn": cnn, "resnet18": resnet18}


def trainer(_: Any, name: str, x: np.ndarray, y: np.ndarray, batch_size: int = BATCH_SIZE) -> Callable[[], float]:
    """A function that trains the network on all rows once and returns the seconds."""
    torch.manual_seed(SEED)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = NETWORKS[name]().to(device=device, memory_format=torch.channels_last)
    mixed = device == "cuda"  # on a GPU as its users run it: compiled, bfloat16
    step_model = torch.compile(model) if mixed else model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    images = _images(x).to(device)
    labels = torch.from_numpy(y).long().to(device)

    def epoch() -> float:
        start = time.perf_counter()
        correct = torch.zeros((), device=device)
        for rows in torch.randperm(len(images), device=device).split(batch_size):
            with torch.autocast("cuda", torch.bfloat16, enabled=mixed):
                outputs = step_model(images.index_select(0, rows))
                loss = criterion(outputs, labels.index_select(0, rows))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                correct += (outputs.argmax(1) == labels.index_select(0, rows)).sum()
        correct.item()
        return time.perf_counter() - start

    return epoch


def predictor(_: Any, name: str) -> Callable[[np.ndarray], Any]:
    """A function from images to class probabilities."""
    model = NETWORKS[name]().to(memory_format=torch.channels_last).eval()

    def predict(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(_images(x)).softmax(1).numpy()

    return predict


def _images(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
