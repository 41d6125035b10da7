"""What can be asked for on the command line, and who does it."""

import re
import sys
from dataclasses import dataclass, make_dataclass
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any, Literal

from snnjax import (
    data_command,
    models_command,
    nir_command,
    predict_command,
    sweep_command,
    training_command,
)
from snnjax.files import usual_folders
from snnjax.progress import bar, word

_OWN_NUMBER = "(default: as many as the task needs)"
_USUAL_FOLDERS = f"(default: {usual_folders()})"


def _evaluate(command):
    from snnjax.tasks import evaluate

    found = evaluate(command.run_folder, data=command.data)
    for seed, accuracy in zip(found["seeds"], found["test_accuracies"], strict=True):
        print(f"seed {seed}  test accuracy {accuracy:.3f}")
    recall = zip(found["classes"], found["recall"], strict=True)
    classes = "  ".join(f"{name} {share:.2f}" for name, share in recall)
    print(
        f"mean    test accuracy {found['test_accuracy']:.3f}, by chance "
        f"{found['chance']:.3f} ({found['samples']} samples of {found['task']})\n"
        f"found of each class: {classes}"
    )
    return 0


def _plot(command):
    from snnjax.tasks import redraw

    for path in redraw(command.run_folder, data=command.data):
        print(f"report: {path}")
    return 0


def _info(command):
    del command  # it takes no options
    from importlib import metadata

    import jax

    from snnjax import devices
    from snnjax.kernels import build
    from snnjax.training import environment

    for name, version in environment()["versions"].items():
        print(f"{name:<14} {version}")
    for device in jax.devices():
        print(f"{'device':<14} {device.platform}: {device.device_kind}")
    for line in devices.unused({device.platform for device in jax.devices()}):
        print(f"{'warning':<14} {line}")
    declared = metadata.requires("snnjax") or ()
    extras = {re.split(r"[^\w.-]", each)[0] for each in declared if "extra ==" in each}
    extras -= {"jax"}  # for other devices
    for name in sorted(extras):
        try:
            print(f"{name:<14} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            print(f"{name:<14} not installed")
    why = build.load()
    print(f"{'native kernels':<14} {why or build.library()}")
    return 0


def _encode(command):
    word("encode: reading recordings and compiling ...")
    from snnjax.datasets import DataError, readable_recordings, sound_folder
    from snnjax.senses.hearing.speech import encode_recordings

    recordings, bad = readable_recordings(sound_folder(command.folder))
    if bad and not (command.skip_bad and recordings.paths):
        told = "\n".join(bad)
        raise DataError(f"{told}\n{len(bad)} cannot be read; see --skip-bad.")
    for each in bad:
        print(f"left out: {each}", file=sys.stderr)
    with bar("encoding") as progress:
        events = encode_recordings(
            recordings,
            command.out,
            seed=command.seed,
            channels=command.channels,
            causal=command.causal,
            progress=progress,
        )
    print(
        f"{len(events.labels)} sounds of {events.n_classes} classes, "
        f"{len(events.times)} spikes on {events.n_units} channels: {command.out}"
        + (f"; {len(bad)} files were left out" if bad else "")
    )
    return 0


def _kernels(command):
    from snnjax.kernels import build

    print(build.build(force=command.force))
    return 0


def _transfer(command):
    from snnjax.tasks import transfer
    from snnjax.tasks.transfers import table

    out = command.out or Path(command.what) / "transfer"
    summary = transfer(
        command.what,
        out,
        mismatch=command.mismatch,
        chips=command.chips,
        samples=command.samples,
        seed=command.seed,
        data=command.data,
    )
    print(f"{table(summary)}\nreport: {out / 'report.png'}")
    return 0


def _train_on_chip(command):
    from snnjax.hardware import DeviceError
    from snnjax.tasks import train_on_chip

    try:
        summary = train_on_chip(
            command.what,
            command.out,
            mismatch=command.mismatch,
            serial=command.serial,
            start=command.start,
            epochs=command.epochs,
            seed=command.seed,
            data=command.data,
        )
    except DeviceError as error:
        told = f"{error} What was trained is in {command.out}; the same call goes on."
        raise ChildProcessError(f"{told}\n{error.stderr}".rstrip()) from error
    lost = sum(summary["notes"][f"lost_{way}"] for way in ("in", "out"))
    print(
        f"test accuracy on chip {command.serial}, mismatch {command.mismatch:.0%}: "
        f"{summary['test_accuracy']:.3f}, as programmed first "
        f"{summary['test_accuracy_as_programmed_first']:.3f}\n"
        f"trained in {summary['train_seconds']:.1f} s; the chip lost {lost:g} events a "
        f"batch\nreport: {command.out / 'report.png'}"
    )
    return 0


def commands(conf):
    """What can be asked for; the docstrings are what --help shows."""
    required = conf.PositionalRequiredArgs

    def choice(actions):
        """One of several commands by name."""
        named = (Annotated[c, conf.subcommand(n), required] for n, c in actions.items())
        return reduce(or_, named)

    def group(about, actions):
        """A command that is a choice of others."""
        none = {} if len(actions) > 1 else {"none": conf.Suppress[None]}
        bare = conf.OmitArgPrefixes, conf.OmitSubcommandPrefixes
        chosen: Any = Annotated[choice(actions | none), *bare]
        made = make_dataclass("Group", [("action", chosen)])
        made.__doc__ = about
        return made

    @dataclass
    class Evaluate:
        """Test again what `snnjax train` left in a folder."""

        run_folder: Annotated[Path, conf.Positional, conf.arg(metavar="RUN")]
        """Folder of a finished training."""
        data: Annotated[
            Path | None, conf.arg(metavar="PATH", help_behavior_hint=_USUAL_FOLDERS)
        ] = None
        """Folder with the files of the task; digits need none."""

        run = _evaluate

    @dataclass
    class Plot:
        """Draw report.png and report.html of a training again, from its folder."""

        run_folder: Annotated[Path, conf.Positional, conf.arg(metavar="RUN")]
        """Folder of a finished training."""
        data: Annotated[
            Path | None, conf.arg(metavar="PATH", help_behavior_hint=_USUAL_FOLDERS)
        ] = None
        """Folder with the files of the task; digits need none."""

        run = _plot

    @dataclass
    class Predict:
        """Tell the class of recordings that nobody has labelled.

        Files are read as those that RUN was trained on, and must be of their kind; of
        a task with a name, as spikes: .npy [T, n] in steps of its dt, or events of n
        units. The networks of several seeds are asked together.
        """

        run_folder: Annotated[Path, conf.Positional, conf.arg(metavar="RUN")]
        """Folder of a training, file of a network, or a name of `snnjax models`."""
        files: Annotated[
            tuple[Path, ...],
            conf.Positional,
            conf.arg(metavar="FILE ...", help_behavior_hint="(required)"),
        ]
        """Recordings, or folders of recordings."""
        json: Annotated[bool, conf.FlagCreatePairsOff] = False
        """Print JSON, with the probability of each class."""
        skip_bad: Annotated[bool, conf.FlagCreatePairsOff] = False
        """Leave out files that cannot be read, and name and count them."""

        run = predict_command.run

    @dataclass
    class Audio:
        """Turn a folder of recordings into spikes of an artificial cochlea.

        WAV or SPHERE (with soundfile FLAC, Ogg, AIFF, AU, MP3) at any rate, named as
        in Free Spoken Digits, Speech Commands or Heidelberg Digits, or one subfolder
        for each class. A sound that is silent has no spikes.

        Called again with the same OUT it goes on where it was cut off.
        """

        folder: Annotated[Path, conf.arg(metavar="FOLDER")]
        """Folder of recordings."""
        out: Annotated[Path, conf.arg(metavar="OUT")]
        """File to make, in the layout of the Spiking Heidelberg Digits. Named
        shd_train.h5, another one shd_test.h5, `snnjax train spoken-digits` finds it."""
        channels: int = 70
        """How many places of the membrane are heard; 700 in the Heidelberg Digits."""
        seed: int = 0
        """Of the randomness of the auditory nerve."""
        causal: Annotated[bool, conf.FlagCreatePairsOff] = False
        """Move the membrane after the sound, not before it as published."""
        skip_bad: Annotated[bool, conf.FlagCreatePairsOff] = False
        """Leave out files that cannot be read, and name and count them."""

        run = _encode

    @dataclass
    class Build:
        """Compile the native CPU kernels for this machine (needs a C++ compiler).

        Everything works without them; with them most networks train faster.
        """

        force: Annotated[bool, conf.FlagCreatePairsOff] = False
        """Compile again even if it was done."""

        run = _kernels

    @dataclass
    class Transfer:
        """Test what was trained on many chips, as it is: how fragile is it?

        The networks that `snnjax train` (or `snnjax chip train`) left in RUN. On each
        chip the constants and gains of all neurons differ by log-normal factors of a
        mean of 1. Leaves a curve of the accuracy against the mismatch, and a table.
        """

        what: Annotated[str, conf.Positional, conf.arg(metavar="RUN")]
        """Folder of a finished training."""
        mismatch: tuple[float, ...] = (0.1, 0.2, 0.3)
        """Standard deviations of the factors: 0.3 is 30 %."""
        chips: int = 100
        """How many chips, the same ones for each mismatch."""
        samples: int = 500
        """How many test samples each chip sees, evenly from all of them."""
        seed: int = 0
        """Which chips."""
        out: Annotated[
            Path | None,
            conf.arg(metavar="PATH", help_behavior_hint="(default: RUN/transfer)"),
        ] = None
        """Folder for summary.json and report.png."""
        data: Annotated[
            Path | None, conf.arg(metavar="PATH", help_behavior_hint=_USUAL_FOLDERS)
        ] = None
        """Folder with the files of the task; digits need none."""

        run = _transfer

    @dataclass
    class InTheLoop:
        """Train in the loop on one emulated chip, and leave a report.

        The chip runs in a process of its own, and learning goes by the spikes and
        voltages that it shows. A run that was cut off, or whose chip failed, goes on
        when called again with the same --out.
        """

        what: Annotated[
            Literal["digits", "mnist"], conf.Positional, conf.arg(metavar="TASK")
        ]
        """digits (64-100-10 neurons) or mnist at 16x16 pixels (256-246-10)."""
        mismatch: float = 0.3
        """Standard deviation of factors on the constants of neurons: 0.3 is 30 %."""
        serial: int = 1
        """Which chip."""
        start: Annotated[
            Path | None,
            conf.arg(metavar="RUN", help_behavior_hint="(default: weights are drawn)"),
        ] = None
        """Folder of a training of chip-digits or chip-mnist, to go on from."""
        epochs: Annotated[
            int | None, conf.arg(metavar="INT", help_behavior_hint=_OWN_NUMBER)
        ] = None
        """How often the network sees all training data."""
        seed: int = 0
        """Of first weights and of the order of the data."""
        out: Path = Path("runs/chip")
        """Folder for summary.json, report.png, metrics and the checkpoint."""
        data: Annotated[
            Path | None, conf.arg(metavar="PATH", help_behavior_hint=_USUAL_FOLDERS)
        ] = None
        """Folder with the files of MNIST; digits need none."""

        run = _train_on_chip

    @dataclass
    class Info:
        """Print versions, devices, what is installed, and whether kernels are built."""

        run = _info

    encode = group("Turn sounds into spikes.", {"audio": Audio})
    kernels = group("Compile the native CPU kernels.", {"build": Build})
    data = group(data_command.ABOUT, data_command.actions(conf))
    models = group(models_command.ABOUT, models_command.actions(conf))
    nir = group(nir_command.ABOUT, nir_command.actions(conf))
    chip = group(
        "Put networks on imperfect chips, as they are or trained in the loop.",
        {"transfer": Transfer, "train": InTheLoop},
    )
    groups = {"encode": encode, "kernels": kernels, "data": data, "nir": nir}
    groups |= {"models": models, "chip": chip}
    train = group(training_command.ABOUT, training_command.tasks(conf))
    sweep = group(sweep_command.ABOUT, sweep_command.tasks(conf))
    runs = {"train": train, "sweep": sweep, "evaluate": Evaluate, "predict": Predict}
    return choice(runs | {"plot": Plot} | groups | {"info": Info})
