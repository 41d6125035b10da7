"""Can inputs that reach new code make a reader misbehave?

    pip install atheris    # a tool for this only, in an environment of your own
    python -m benchmarks.fuzz.coverage --format qtdb.mat --inputs 100000

Where ``readers.py`` changes files blindly, this keeps the changes that made the
reader take another branch and goes on from there. It ends with an error, and the input
in a file, at the first result that is neither refused by name nor believable.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["snnjax.datasets", "snnjax.events"]):
    from benchmarks.fuzz.readers import sound_files, verdict
    from benchmarks.fuzz.seeds import FORMATS


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--format", choices=list(FORMATS), required=True)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    corpus = folder / "corpus"
    corpus.mkdir()
    for k, raw in enumerate(sound_files(given.format, folder)):
        (corpus / str(k)).write_bytes(raw)
    path = folder / f"input{FORMATS[given.format].suffix}"

    def read(raw: bytes) -> None:
        path.write_bytes(raw)
        told = verdict(given.format, path, [])
        assert told in ("refused", "read"), f"{given.format}: {told}"

    options = [f"-runs={given.inputs}", f"-seed={given.seed}", "-timeout=10"]
    atheris.Setup([sys.argv[0], *options, "-rss_limit_mb=2048", str(corpus)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
