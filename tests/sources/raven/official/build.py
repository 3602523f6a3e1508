"""Puzzles in the official layout, one broken file, one without panels and one with pickles."""

from pathlib import Path

import numpy as np

KINDS = ("center_single", "distribute_four", "left_center_single_right_center_single")


def panels(seed: int) -> np.ndarray:
    """Return 16 panels of 160 x 160; panel k is a grey of its own."""
    greys = (np.arange(16) * 15 + seed) % 256
    return np.repeat(greys.astype(np.uint8), 160 * 160).reshape(16, 160, 160)


def build(folder: Path) -> None:
    root = folder / "RAVEN-10000"
    for kind in KINDS:
        (root / kind).mkdir(parents=True)
        for number in (0, 1, 10):
            path = root / kind / f"RAVEN_{number}_train.npz"
            structure = np.array([b"Scene", b"Singleton", b"/"])
            target = (number + len(kind)) % 8
            np.savez(path, image=panels(number), target=target, structure=structure)
    np.savez(root / KINDS[0] / "RAVEN_6_val.npz", image=panels(6), target=0)
    (root / KINDS[0] / "RAVEN_2_train.npz").write_bytes(b"PK\x03\x04 not a zip")
    np.savez(root / KINDS[1] / "RAVEN_2_train.npz", target=1)
    np.savez(root / KINDS[1] / "RAVEN_3_train.npz", image=panels(3), target=9)
    np.savez(root / KINDS[1] / "RAVEN_4_train.npz", image=panels(4)[:12], target=1)
    pickled = np.array([{"a": 1}], dtype=object)
    np.savez(root / KINDS[1] / "RAVEN_5_train.npz", image=pickled, target=1)
