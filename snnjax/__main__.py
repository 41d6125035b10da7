"""The command line: ``python -m snnjax``, or ``snnjax``."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal


@dataclass
class Train:
    """Train a spiking network on a task and leave a report.

    digits: handwritten digits, which come with scikit-learn.
    spoken-digits: speech spikes in the SHD layout, from --data or SNNJAX_DATA.
    A run that was cut off goes on when called again with the same --out.
    """

    task: Literal["digits", "spoken-digits"]
    """What to train."""
    out: Path = Path("runs/latest")
    """Folder for metrics, checkpoints, report.png and summary.json."""
    seeds: int = 1
    """How many networks, each from another seed."""
    epochs: int | None = None
    """Epochs of each; the task's own number if omitted."""
    data: Path | None = None
    """Folder with the data files."""


@dataclass
class Info:
    """Print versions, devices, and which optional packages are installed."""


def main(args: list[str] | None = None) -> int:
    """Runs the command line; returns its exit status."""
    try:
        import tyro
    except ImportError:
        print(
            'The command line needs tyro: pip install "snnjax[cli]".', file=sys.stderr
        )
        return 1
    commands = (
        Annotated[
            Train, tyro.conf.subcommand("train"), tyro.conf.PositionalRequiredArgs
        ]
        | Annotated[Info, tyro.conf.subcommand("info")]
    )
    command = tyro.cli(commands, prog="snnjax", args=args, description=__doc__)
    try:
        return _info() if isinstance(command, Info) else _train(command)
    except (FileNotFoundError, ValueError, FloatingPointError, ImportError) as error:
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


def _info():
    from importlib import metadata

    import jax

    from snnjax.experiments.measure import describe

    for name, version in describe()["versions"].items():
        print(f"{name:<14} {version}")
    for device in jax.devices():
        print(f"{'device':<14} {device.platform}: {device.device_kind}")
    for name in ("h5py", "scikit-learn", "matplotlib", "tyro", "jupytext"):
        try:
            print(f"{name:<14} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            print(f"{name:<14} not installed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
