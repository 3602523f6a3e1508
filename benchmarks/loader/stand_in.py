"""Stand-ins that let mosaicml-streaming be imported where torchvision has no wheel for this torch.

It needs torchvision only for readers of CIFAR and the like, which the benchmark does not use.
"""

from __future__ import annotations

import importlib.machinery
import sys
from types import ModuleType
from typing import Any

try:
    import torchvision  # noqa: F401
except Exception:  # absent, or built for another torch
    for _name in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[_name]
    for _name in ("", ".datasets", ".transforms", ".transforms.functional"):
        _module: Any = ModuleType(f"torchvision{_name}")
        _module.__spec__ = importlib.machinery.ModuleSpec(_module.__name__, None)
        _module.VisionDataset = _module.CIFAR10 = type("Absent", (), {})
        _module.to_tensor = lambda picture: picture
        sys.modules[_module.__name__] = _module
