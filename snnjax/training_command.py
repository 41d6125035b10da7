"""``snnjax train TASK``: what can be asked of each task, and the training itself."""

import sys
from dataclasses import make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from snnjax import processes
from snnjax.files import usual_folders
from snnjax.progress import bar, word

Rule = Literal[
    "bptt", "eprop", "per_unit", "truncated", "rtrl", "rank_one", "kronecker"
]
Model = Literal["lif", "adlif", "delays"]
Network = Literal["feedforward", "recurrent", "adlif", "delays", "convolutional"]
Reset = Literal["zero", "subtract", "none"]
Gradient = Literal["surrogate", "eventprop", "ttfs"]
ABOUT = """Train spiking networks on a task and leave a report.

A run that was cut off goes on when called again with the same --out.
"""
_SHOWN = 10  # names of classes
_OF_JOB = "coordinator", "processes", "process_id"
_OF_TRAIN = "seeds", "seed", "epochs", "batch", "learning_rate", "rule", "block"


def run(command: Any) -> int:
    """Trains what a command asks for, and prints what came of it."""
    given = {k: v for k, v in vars(command).items() if v is not None and v is not False}
    with processes.job(*(given.pop(name, None) for name in _OF_JOB)):
        return _run(given)


def _run(given):
    word(f"{given['task']}: reading data and compiling ...")
    import jax

    from snnjax.tasks import settings, train
    from snnjax.tasks.report import kept_epochs

    name, out = given.pop("task"), given.pop("out", Path("runs/latest"))
    data, file = given.pop("data", None), given.pop("settings", None)
    if given.pop("from_sound", False):
        given["source"] = "sound"
    asked = (settings.read(file) if file else {}) | given
    _refuse_another(asked.pop("task", name), name, file)
    of_train = {each: asked.pop(each) for each in _OF_TRAIN if each in asked}
    task = made(name, data, asked)
    if name == "own-data" and jax.process_index() == 0:
        print(_told_of(task), flush=True)
    summary = train(task, out, **of_train)
    if jax.process_index() > 0:
        return 0
    each = ", ".join(f"{accuracy:.3f}" for accuracy in summary["test_accuracies"])
    print(
        f"test accuracy {summary['test_accuracy']:.3f} (seeds: {each}); a linear "
        f"readout of the same spikes {summary['linear_readout_test_accuracy']:.3f}\n"
        f"{kept_epochs(summary)}\n"
        f"trained in {summary['train_seconds']:.1f} s on {summary['device']}"
        f"{_earlier(summary)}\n"
        f"{_by_rule(summary)}"
        f"report: {out / 'report.html'}"
    )
    return 0


def with_task(args: list[str]) -> list[str]:
    """``train PATH`` as ``train own-data PATH``, and so ``sweep PATH``.

    Raises:
        ValueError: for what is neither a task nor there.
    """
    known = len(args) > 1 and args[0] in ("train", "sweep")
    if not known or args[1].startswith("-"):
        return args
    if args[1] in TASKS:
        if Path(args[1]).exists():
            told = f"{args[1]} is the task of that name; the folder is ./{args[1]}."
            print(told, file=sys.stderr)
        return args
    if not Path(args[1]).exists():
        raise ValueError(
            f"{args[1]} is no file or folder, and no task: {', '.join(TASKS)}."
        )
    return [args[0], "own-data", *args[1:]]


def _told_of(task):
    """What is trained on, in a line."""
    counts = ", ".join(
        f"{len(part.labels)} {name}" for name, part in task.parts.items()
    )
    measured = task.notes["measured"]
    shape = "x".join(map(str, measured["shape"]))
    return (
        f"{measured['kind']} of {len(task.classes)} classes "
        f"({_few(task.classes)}), parted by "
        f"{task.notes['parted_by']}: {counts}; {measured['steps']} steps of "
        f"{1e3 * measured['dt']:g} ms, {shape} inputs of {measured['rate']:.3g} Hz"
    )


def _few(names):
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _refuse_another(of_file, name, file):
    if of_file != name:
        raise ValueError(f"{file} has settings of {of_file!r}, not of {name!r}.")


def made(name: str, data: Path | None, options: dict[str, Any]) -> Any:
    """The task of a name; shows how far its data are encoded, if they must be."""
    from snnjax.tasks.catalogue import task_of

    if name not in ("spoken-digits", "own-data"):
        return task_of(name, data, **options)
    with bar("encoding") as progress:
        return task_of(name, data, progress=progress, **options)


def _earlier(summary):
    """How much of a training lay in its folder already."""
    found = sum(summary["resumed_after"])
    of = summary["epochs"] * len(summary["resumed_after"])
    return f" ({found} of {of} epochs were found already)" if found else ""


def _by_rule(summary):
    """What a rule that learns while time runs drops, and what it keeps."""
    if summary["rule"] == "bptt":
        return ""
    left = ", ".join(summary["leaves_out"]) or "nothing"
    kept = summary["kept_between_blocks_bytes"] / 2**20
    return (
        f"learned by {summary['rule']} in blocks of {summary['block']} steps, which "
        f"keeps {kept:.1f} MiB between them and leaves out {left}\n"
    )


def tasks(conf: Any) -> dict[str, Any]:
    """A command for each task, by name.

    Args:
        conf: ``tyro.conf``.
    """

    def command(name):
        about, *own = TASKS[name]
        task = "task", conf.Suppress[str], name
        first = [field(conf, each) for each in own if each == "path"]
        rest = "out", "settings", *(each for each in own if each != "path"), *_OF_TRAIN
        rest = *rest, *_OF_JOB
        fields = [*first, task, *(field(conf, each) for each in rest)]
        made = make_dataclass(name, fields, namespace={"run": run})
        made.__doc__ = about
        return made

    return {name: command(name) for name in TASKS}


def field(conf: Any, name: str) -> tuple[Any, ...]:
    """An option that is left to the task, or to ``train``, unless it is given."""
    name, _, kind = name.partition(":")
    told = line(_HELP[f"{name}:{kind}" if kind else name])
    if name in _DEFAULTS:
        typed, metavar, default = _DEFAULTS[name]
        hint = f"(default: {default})"
        about = conf.arg(help=told, metavar=metavar, help_behavior_hint=hint)
        return name, Annotated[typed | None, about], None
    if name == "path":
        about = conf.arg(help=told, metavar="PATH")
        return "data", Annotated[Path, conf.Positional, about]  # always given
    return name, Annotated[bool, conf.FlagCreatePairsOff, conf.arg(help=told)], False


def line(text: str) -> str:
    """Without line breaks, which tyro would keep."""
    return " ".join(text.split())


def _one_of(kind, default):
    return kind, "{" + ",".join(kind.__args__) + "}", default


_FIRING = "hidden", "surrogate", "reset"
TASKS = {  # what it is, and what can be asked of it
    "digits": ("Handwritten digits, which come with scikit-learn.", *_FIRING, "dt"),
    "spoken-digits": (
        """Speech as spikes of a cochlea.

    In files of the Spiking Heidelberg Digits (SHD) or of the same layout; or as
    recordings (Free Spoken Digits), which go through the cochlea first, once, and are
    parted by speaker.
    """,
        *("data", "from_sound", "model", *_FIRING, "dt"),
    ),
    "braille": ("Letters under a fingertip.", "data", *_FIRING),
    "mnist": ("Handwritten digits, 70000 of them.", "data", *_FIRING, "dt"),
    "n-mnist": (
        "Handwritten digits before an event camera.",
        *("data", "normalize", "hidden:maps", "surrogate", "reset", "dt"),
    ),
    "ecg": ("Segments of a heartbeat (QTDB), step by step.", "data", *_FIRING),
    "yin-yang": (
        "Points on a yin-yang symbol, told by the times of five spikes.",
        *("gradient", *_FIRING, "dt"),
    ),
    "chip-digits": ("Digits in constants and bins of an analogue chip (snnjax chip).",),
    "chip-mnist": (
        "MNIST in constants and bins of an analogue chip (snnjax chip).",
        "data",
    ),
    "own-data": (
        """Recordings of your own; `snnjax train PATH` is short for it.

    A folder with one subfolder for each class, or train, test and perhaps validation
    with such subfolders; or a table labels.csv (columns file, label, perhaps group and
    part); of sounds (WAV, SPHERE, FLAC, Ogg, AIFF, AU, MP3), images,
    recordings of event cameras (DAT, EVT, Event Stream, AEDAT, HDF5, text, N-MNIST),
    spikes of neurons (text, NEST, SONATA, NWB, NIX), .npz of events, or .npy of spikes
    or signals [T, n]. Or a file with labels, .npz or .h5: spikes or signals [N, T, n],
    images, or events. 15 % validate and 15 % test, by group if groups are known.
    """,
        *("path", "network", *_FIRING, "dt", "duration", "group", "skip_bad"),
    ),
}
_OWN = "as the task has it"
_DEFAULTS: dict[str, tuple[Any, str, str]] = {  # type, how it is called, default
    "out": (Path, "PATH", "runs/latest"),
    "settings": (Path, "PATH", "none"),
    "data": (Path, "PATH", usual_folders()),
    "model": _one_of(Model, "lif"),
    "network": _one_of(Network, "recurrent"),
    "duration": (float, "FLOAT", "the longest recording"),
    "group": (str, "TEXT", "none"),
    "hidden": (int, "INT", _OWN),
    "surrogate": (str, "TEXT", "SuperSpike(10)"),
    "reset": _one_of(Reset, "zero"),
    "gradient": _one_of(Gradient, "surrogate"),
    "dt": (float, "FLOAT", _OWN),
    "seeds": (int, "INT", "1"),
    "seed": (int, "INT", "0"),
    "epochs": (int, "INT", _OWN),
    "batch": (int, "INT", _OWN),
    "learning_rate": (float, "FLOAT", _OWN),
    "rule": _one_of(Rule, "bptt"),
    "block": (int, "INT", "10"),
    "processes": (int, "INT", "1, or as many as the cluster has started"),
    "coordinator": (str, "HOST:PORT", "this machine, or as the cluster tells"),
    "process_id": (int, "INT", "as the cluster tells"),
}
_HELP = {
    "out": """Folder for report.html, summary.json, networks, metrics, checkpoints and
        settings.json. A run that was cut off goes on when called again with the same
        one. A folder with another run is refused; other --epochs are one, too, for the
        learning rate falls over all of them.""",
    "settings": """Options from a file, as the folder of a run keeps them: its
        settings.json, or the folder. What is given here comes first.""",
    "data": "Folder with the files of the task.",
    "from_sound": "From recordings, even where there are files of spikes.",
    "model": """Recurrent leaky neurons, recurrent adaptive ones, or delays of each
        synapse.""",
    "path": "Folder or file.",
    "network": """One hidden layer of leaky neurons, feed-forward or recurrent, of
        recurrent adaptive ones, or with delays of each synapse; or convolutional ones,
        of images and event cameras.""",
    "duration": "How much of each recording is read, in seconds; what is left is told.",
    "group": """Regular expression that finds in the name of a file whose it is, in
        brackets, such as "user([0-9]+)"; all of one come into one part.""",
    "skip_bad": "Leave out files that cannot be read, and name and count them.",
    "normalize": "Normalise the currents of each layer over its maps.",
    "hidden": "How many neurons the hidden layer has.",
    "hidden:maps": "How many maps the first layer has; the second has twice as many.",
    "surrogate": """Pseudo-derivative of a spike: a name of snnjax.surrogate with its
        numbers, such as "SuperSpike(25)", or of another library, such as
        "snntorch.fast_sigmoid(slope=25)".""",
    "reset": "Of the voltage after a spike.",
    "gradient": """surrogate: spikes on a grid of time, with a pseudo-derivative;
        eventprop: the same network, by what it is worth to move its spikes. ttfs: the
        time to the first spike of each neuron in continuous time, with its exact
        gradient; --surrogate, --reset and --dt are of the grid and not taken then.""",
    "dt": "Step of time, in seconds.",
    "seeds": "How many networks, each from another random start.",
    "seed": "Number of the first random start.",
    "epochs": "How often each network sees all training data.",
    "batch": "Samples of an update.",
    "learning_rate": "Of Adam, at first; it falls to zero like a cosine.",
    "rule": """How to learn: bptt is backpropagation through time; the others learn
        while time runs, in memory that does not depend on the number of steps. With
        eprop the hidden layer resets by subtraction and the gradient does not pass
        through its own spikes of the step before. per_unit is the same for any neuron,
        and keeps a trace for each weight; truncated forgets at the start of each block;
        rtrl is exact, for the smallest of networks; rank_one and kronecker are random
        sketches of it. They need scores that are a mean over time, which those of ecg
        are not.""",
    "block": "Steps that are one to a rule other than bptt.",
    "processes": """How many processes train together, each on its share of every batch.
        They are started here, each with its share of the cores, unless a coordinator is
        named. Under Slurm, Open MPI and Kubernetes they are there already.""",
    "coordinator": "Where the first of several processes is to be found.",
    "process_id": "Which of the processes this is, from 0.",
}
