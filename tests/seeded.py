"""One small file of every format, under a name that tells nothing; files of a set."""

import struct
from pathlib import Path

import numpy as np

from benchmarks.fuzz.seeds import FORMATS

NAMED = {"n-mnist": "00001.bin", "atis.bin": "image_0001.bin"}  # have no sign
OPTIONS = {"spikes.mat": {"unit": "s"}}  # what such files leave open
UNTOLD = {
    "aedat1": "numbers, which may be anything",
    "nir": "a network; snnjax.interop.nir",
    "nest.gdf": "three columns of numbers, which may be anything",
    "spikes.npy": "two columns of numbers, which may be signals",
    "weights.npz": "arrays of any name, which may be anything",
    "weights.safetensors": "weights of networks, which are no data",
    **{name: "a part of a folder" for name in FORMATS if name.startswith("phy.")},
}
SEEDS = [name for name in FORMATS if name not in UNTOLD]


def file_of(name: str, folder: Path) -> Path:
    """A file of a format."""
    suffix = FORMATS[name].suffix
    end = "".join(each for each in (".gz", ".zip") if suffix.endswith(each))
    path = folder / NAMED.get(name, f"recording{end}")
    path.write_bytes(FORMATS[name].sound(folder))
    return path


def write_mnist(folder, n):
    """The files of MNIST: n black images a part, all of digit 0."""
    for part in ("train", "t10k"):
        for name, shape in (("images-idx3", (n, 28, 28)), ("labels-idx1", (n,))):
            head = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
            raw = head + bytes(int(np.prod(shape)))
            (folder / f"{part}-{name}-ubyte").write_bytes(raw)
