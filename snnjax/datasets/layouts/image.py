"""Images of one's own, read by Pillow: grey or red, green and blue, of 8 bits."""

import warnings
from pathlib import Path

import numpy as np

from snnjax.datasets.guard.checked import HoldsError, reading

_MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB"}
_PIXEL_BYTES = 12  # of memory for each pixel


def read_image(path: str | Path, *, limit: int | None = None) -> np.ndarray:
    """Reads one image.

    Args:
        path: of a PNG, JPEG, BMP or TIFF file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        ``[height, width]`` or ``[height, width, 3]``, uint8.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file, for one that is damaged, has several pages, is
            transparent somewhere, or has more than 8 bits a colour.
        ImportError: without Pillow.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            'Reading images needs Pillow: pip install "snnjax[data]".'
        ) from error
    kinds = "PNG", "JPEG", "BMP", "TIFF"
    with (
        reading(path, "an image", limit) as file,
        warnings.catch_warnings(),
        Image.open(file.path, formats=kinds) as image,
    ):
        warnings.simplefilter("error")  # Pillow warns of what may be an attack
        file.take(_PIXEL_BYTES * image.width * image.height, "its pixels")
        if (pages := getattr(image, "n_frames", 1)) > 1:
            raise HoldsError(f"{pages} pages")
        mode = image.mode
        if mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
            mode = "RGB"  # nothing is transparent
        if mode not in _MODES or "transparency" in image.info:
            raise HoldsError(f"pixels of mode {mode}, or transparent ones")
        return np.asarray(image.convert(_MODES[mode]), np.uint8)
