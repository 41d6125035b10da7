"""The command line: ``python -m snnjax``, or ``snnjax``."""

import contextlib
import os
import sys

import snnjax
from snnjax import processes, terminal, training_command
from snnjax.commands import commands

_STOPPED = "stopped. Training and downloads go on if the command is given again."


def main(args: list[str] | None = None) -> int:
    """Runs the command line; returns its exit status."""
    with terminal.stoppable(_STOPPED), terminal.without_reader():
        return _run(args)


def _run(args):
    try:
        import tyro
    except ImportError:
        print(
            'The command line needs tyro: pip install "snnjax[cli]".', file=sys.stderr
        )
        return 1
    terminal.forgiving(sys.stdout)
    try:
        args = training_command.with_task(sys.argv[1:] if args is None else args)
    except ValueError as error:
        print(f"snnjax: {error}", file=sys.stderr)
        sys.exit(2)
    if args == ["--version"]:
        print(f"snnjax {snnjax.__version__}")
        return 0
    with contextlib.redirect_stdout(terminal.wrapping(sys.stdout)):  # of help
        command = tyro.cli(
            commands(tyro.conf),
            prog="snnjax",
            args=args,
            description="Spiking neural networks, simulated and trained.",
        )
    command = getattr(command, "action", command)
    try:
        fits = terminal.wrapping if sys.stdout.isatty() else lambda stream: stream
        with (
            contextlib.redirect_stdout(terminal.escaping(fits(sys.stdout))),
            terminal.warning_in_words("snnjax: "),
        ):
            many = processes.several(command)
            return processes.launch(args, many) if many else command.run()
    except BrokenPipeError:
        raise
    except (OSError, ValueError, FloatingPointError, ImportError) as error:
        print(f"snnjax: {_said(error, command)}", file=sys.stderr)
        return 1
    except Exception:
        missing = _missing_device()
        if not missing:
            raise
        print(f"snnjax: {missing}", file=sys.stderr)
        return 1


def _said(error, command):
    """What an error says; a name that was given stays on one line."""
    text = str(error)
    for given in map(str, vars(command).values()):
        if not given.isprintable():
            text = text.replace(given, terminal.escaped(given, lines=False))
    return terminal.escaped(text)


def _missing_device():
    """A line if JAX cannot start the devices it was told to use, else nothing."""
    import jax

    try:
        jax.devices()
    except Exception as error:  # of several kinds, an empty AssertionError among them
        asked = os.environ.get("JAX_PLATFORMS", "")
        why = " ".join(str(error).split())[:200] or type(error).__name__
        return (
            f"JAX finds no device for JAX_PLATFORMS={asked!r} ({why}). Unset "
            "JAX_PLATFORMS or set it to cpu; for a GPU install jax for it, for example "
            'pip install "jax[cuda12]".'
        )
    return ""


if __name__ == "__main__":
    sys.exit(main())
