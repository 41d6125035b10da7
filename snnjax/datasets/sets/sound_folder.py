"""Any folder of sounds: the names of three data sets are known, and subfolders."""

from pathlib import Path

from snnjax.datasets.guard.checked import DataError
from snnjax.datasets.recordings import NOISE_FOLDER, Recordings, list_recordings
from snnjax.datasets.sets import fsdd, hd_audio, speech_commands
from snnjax.datasets.sounds.sound import SUFFIXES


def sound_folder(folder: str | Path) -> Recordings:
    """Lists all files of sound in any folder, by what their names end with.

    Names as in Free Spoken Digits, Heidelberg Digits or Speech Commands tell word,
    speaker and repetition. Other files are of the class that their subfolder is called,
    by an unknown speaker.

    Args:
        folder: that holds the files, or one subfolder for each class.

    Raises:
        FileNotFoundError: if there is no such folder.
        DataError: if it holds no sounds.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"No folder {folder}.")
    files = [*folder.glob("*.*"), *folder.glob("*/*.*")]
    files = [f for f in sorted(files) if f.suffix.lower() in SUFFIXES]
    files = [f for f in files if f.parent.name != NOISE_FOLDER]
    if not files:
        raise DataError(f"{folder} holds no files {', '.join(SUFFIXES)}.")
    for kind in (fsdd, hd_audio):
        if all(kind.PATTERN.fullmatch(file.name) for file in files):
            return list_recordings(files, kind.PATTERN, kind.DIGITS)
    words = tuple(sorted({file.parent.name for file in files}))
    return list_recordings(files, speech_commands.PATTERN, words, strict=False)
