"""The command line: ``python -m snnjax``, or ``snnjax``."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

_OWN_NUMBER = "(default: as many as the task needs)"
_USUAL_FOLDERS = "(default: $SNNJAX_DATA, then ~/.cache/snnjax)"


def main(args: list[str] | None = None) -> int:
    """Runs the command line; returns its exit status."""
    try:
        import tyro
    except ImportError:
        print(
            'The command line needs tyro: pip install "snnjax[cli]".', file=sys.stderr
        )
        return 1
    command = tyro.cli(
        _commands(tyro.conf),
        prog="snnjax",
        args=args,
        description="Spiking neural networks, simulated and trained.",
    )
    try:
        return command.run()
    except (OSError, ValueError, FloatingPointError, ImportError) as error:
        print(f"snnjax: {error}", file=sys.stderr)
        return 1


def _train(command):
    from snnjax.experiments import TASKS, train

    if command.seeds < 1 or (command.epochs is not None and command.epochs < 1):
        raise ValueError("--seeds and --epochs must be at least 1.")
    if command.task == "digits":
        if command.data is not None:
            raise ValueError("The digits come with scikit-learn; they take no --data.")
        task = TASKS["digits"]()
    else:
        task = TASKS[command.task](command.data)
    command.out.mkdir(parents=True, exist_ok=True)
    found = train(task, command.out, seeds=command.seeds, epochs=command.epochs)
    each = ", ".join(f"{hit:.3f}" for hit in found["test_accuracies"])
    print(
        f"test accuracy {found['test_accuracy']:.3f} (seeds: {each}); a linear readout "
        f"of the same spikes {found['linear_readout_test_accuracy']:.3f}\n"
        f"trained in {found['train_seconds']:.1f} s on {found['device']}\n"
        f"report: {command.out / 'report.png'}"
    )
    return 0


def _info(command):
    del command  # it takes no options
    from importlib import metadata

    import jax

    from snnjax.experiments.measure import describe
    from snnjax.kernels import build

    for name, version in describe()["versions"].items():
        print(f"{name:<14} {version}")
    for device in jax.devices():
        print(f"{'device':<14} {device.platform}: {device.device_kind}")
    for name in ("h5py", "scikit-learn", "matplotlib", "tyro", "jupytext"):
        try:
            print(f"{name:<14} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            print(f"{name:<14} not installed")
    why = build.load()
    print(f"{'native path':<14} {why or build.library()}")
    return 0


def _kernels(command):
    from snnjax.kernels import build

    print(build.build(force=command.force))
    return 0


def _commands(conf):
    """What can be asked for; the docstrings are what --help shows."""

    @dataclass
    class Train:
        """Train spiking networks on a task and leave a report.

        digits: handwritten digits, which come with scikit-learn.

        spoken-digits: speech as spikes of a cochlea, from files of the Spiking
        Heidelberg Digits (SHD) or of the same layout.

        A run that was cut off goes on when called again with the same --out.
        """

        task: Literal["digits", "spoken-digits"]
        """What to learn."""
        out: Path = Path("runs/latest")
        """Folder for summary.json, report.png, metrics and checkpoints."""
        seeds: int = 1
        """How many networks, each from another random start."""
        epochs: Annotated[
            int | None, conf.arg(metavar="INT", help_behavior_hint=_OWN_NUMBER)
        ] = None
        """How often each network sees all training data."""
        data: Annotated[
            Path | None, conf.arg(metavar="PATH", help_behavior_hint=_USUAL_FOLDERS)
        ] = None
        """Folder with the files of spoken-digits."""

        run = _train

    @dataclass
    class Kernels:
        """Compile the native CPU kernels for this machine (needs a C++ compiler).

        Everything works without them; with them most networks train faster.
        """

        action: Literal["build"]
        """What to do."""
        force: Annotated[bool, conf.FlagCreatePairsOff] = False
        """Compile again even if it was done."""

        run = _kernels

    @dataclass
    class Info:
        """Print versions, devices, what is installed, and whether kernels are built."""

        run = _info

    return (
        Annotated[Train, conf.subcommand("train"), conf.PositionalRequiredArgs]
        | Annotated[Kernels, conf.subcommand("kernels"), conf.PositionalRequiredArgs]
        | Annotated[Info, conf.subcommand("info")]
    )


if __name__ == "__main__":
    sys.exit(main())
