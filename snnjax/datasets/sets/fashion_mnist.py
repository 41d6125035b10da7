"""Fashion-MNIST: articles of clothing, 28x28 pixels.

Xiao et al. 2017, arXiv:1708.07747.
"""

from pathlib import Path

from snnjax.datasets.published import DataSet
from snnjax.datasets.samples import Samples, Split
from snnjax.datasets.sets.mnist import PARTS, labelled_images, published_files

CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


def fashion_mnist(split: Split, path: str | Path | None = None) -> Samples:
    """Articles of clothing, in the files and splits of ``mnist``."""
    return labelled_images("fashion-mnist", split, path, DATA_SET.homes, CLASSES)


DATA_SET = DataSet(
    name="fashion-mnist",
    about="articles of clothing, 28x28 pixels",
    parts=PARTS,
    home="https://github.com/zalandoresearch/fashion-mnist",
    licence="MIT",
    cite="Xiao et al. 2017, arXiv:1708.07747",
    load=fashion_mnist,
    homes=("FashionMNIST/raw", "FashionMNIST"),
    marks=("train-images-idx3-ubyte*",),
    files=published_files(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
        ("25c81989df183df01b3e8a0aad5dffbe", 29_515),
        ("bef4ecab320f06d8554ea6380940ec79", 4_422_102),
        ("bb300cfdad3c16e7a12a480ee83cd310", 5_148),
    ),
)
