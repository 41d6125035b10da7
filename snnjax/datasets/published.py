"""The files of data sets as their publishers offer them, with the checksums they give.

A checksum is MD5 where the publisher gives that. GitHub packs a repository anew when it
is asked for, so such an archive has none; ``contents`` tells what is in it instead.
"""

from typing import NamedTuple


class File(NamedTuple):
    """One file to download."""

    name: str
    url: str
    checksum: str = ""  # "md5:…" or "sha256:…"; empty if none was published
    size: int = 0  # [bytes]; 0 if unknown
    unpack: str | None = None  # folder for what it packs; "" is the set's own
    contents: tuple[str, str] = ("", "")  # pattern of names, and ``contents_digest``


_HEIDELBERG = "https://zenkelab.org/datasets"
_NMNIST = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files"
_FIGSHARE = "https://figshare.com/ndownloader/files"
_RAW = "https://raw.githubusercontent.com"
_SPYTORCH = f"{_RAW}/fzenke/spytorch/d363dbf93a04bf97b4819f1a41579bbbec17b1d2"
_YIN = (
    f"{_RAW}/byin-cwi/Efficient-spiking-networks/"
    "bfd47cff62d26b0812bb2cc24c5f220245443a32"
)


def _images(base, *published):
    names = [
        f"{part}-{stem}-ubyte.gz"
        for part in ("train", "t10k")
        for stem in ("images-idx3", "labels-idx1")
    ]
    return tuple(
        File(name, f"{base}/{name}", f"md5:{md5}", size)
        for name, (md5, size) in zip(names, published, strict=True)
    )


def _spikes(**published):
    return tuple(
        File(f"{name}.h5.zip", f"{_HEIDELBERG}/{name}.h5.zip", f"md5:{md5}")
        for name, md5 in published.items()
    )


MNIST = _images(
    "https://storage.googleapis.com/cvdf-datasets/mnist",
    ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
    ("d53e105ee54ea40749a09fcbcd1e9432", 28_881),
    ("9fb629c4189551a2d022fa330f9573f3", 1_648_877),
    ("ec29112dd5afa0611ce80d1b7f02629c", 4_542),
)
FASHION_MNIST = _images(
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
    ("25c81989df183df01b3e8a0aad5dffbe", 29_515),
    ("bef4ecab320f06d8554ea6380940ec79", 4_422_102),
    ("bb300cfdad3c16e7a12a480ee83cd310", 5_148),
)
N_MNIST = (
    File(
        "train.zip",
        f"{_NMNIST}/39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",
        "md5:20959b8e626244a1b502305a9e6e2031",
        unpack="Train",
    ),
    File(
        "test.zip",
        f"{_NMNIST}/05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",
        "md5:69ca8762b2fe404d9b9bad1103e97832",
        unpack="Test",
    ),
)
DVS_GESTURE = (
    File(
        "ibmGestureTrain.tar.gz",
        f"{_FIGSHARE}/38022171",
        "md5:3a8f0d4120a166bac7591f77409cb105",
        unpack="ibmGestureTrain",
    ),
    File(
        "ibmGestureTest.tar.gz",
        f"{_FIGSHARE}/38020584",
        "md5:56070e45dadaa85fff82e0fbfbc06de5",
        unpack="ibmGestureTest",
    ),
)
SHD = _spikes(
    shd_train="f3252aeb598ac776c1b526422d90eecb",
    shd_test="1503a5064faa34311c398fb0a1ed0a6f",
)
SSC = _spikes(
    ssc_train="d102be95e7144fcc0553d1f45ba94170",
    ssc_valid="b4eee3516a4a90dd0c71a6ac23a8ae43",
    ssc_test="a35ff1e9cffdd02a20eb850c17c37748",
)
HD_AUDIO = (File("hd_audio.tar.gz", f"{_HEIDELBERG}/hd_audio.tar.gz", unpack=""),)
FSDD = (
    File(
        "fsdd.tar.gz",
        "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/"
        "26eb9aaf76e81b692f806f9140c2d2777410d7a1.tar.gz",
        unpack="",
        contents=(
            "recordings/*.wav",
            "1801eae019c063377d98f831d3f93574f259475df7332bb0e3d1b080fb5e6959",
        ),
    ),
)
SPEECH_COMMANDS = (
    File(
        "speech_commands_v0.02.tar.gz",
        "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
        "sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        2_428_923_189,
        unpack="",
    ),
)
BRAILLE = (
    File(
        "tutorial5_braille_spiking_data.pkl.gz",
        f"{_SPYTORCH}/notebooks/data/tutorial5_braille_spiking_data.pkl.gz",
        "sha256:f48a449264a00ee665df62329f2364059e49d0d0faeee4993e595d08616e5a1c",
        301_542,
    ),
)
QTDB = (
    File(
        "QTDB_train.mat",
        f"{_YIN}/data/QTDB_train.mat",
        "sha256:72d1a10c96f1540880447e07256835d66da419c0b34f3dff495731a7928c5bc7",
        537_262,
    ),
    File(
        "QTDB_test.mat",
        f"{_YIN}/data/QTDB_test.mat",
        "sha256:916f11e21679a5b61988305bbb7cd1e6df8b34f1ed4a157a7a4e295d400ef232",
        112_720,
    ),
)
RETINAL_WAVES = (
    File(
        "waverepo.tar.gz",
        "https://github.com/sje30/waverepo/archive/"
        "a1be18b93979fa2861c8e206472b57500bb7fb92.tar.gz",
        unpack="",
    ),
)
