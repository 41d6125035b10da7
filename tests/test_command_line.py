import contextlib
import inspect
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from functools import partial
from pathlib import Path
from typing import get_args

import jax
import pytest

import snnjax as snn
from snnjax import __main__, devices, processes, tasks, training_command
from snnjax.kernels import build
from snnjax.neurons import leaky
from snnjax.tasks import fitting, own_networks, rules, spoken_digits, yin_yang
from snnjax.tasks.catalogue import TASKS

ROOT = Path(__file__).parents[1]


def refused(capsys, *args):
    """What a refused command says; it must be one line, and nothing on stdout."""
    assert __main__.main(list(args)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("snnjax: ") or "tyro" in line
    return line


def shown(capsys, *args):
    """What a command that leaves early shows, and its exit status."""
    with pytest.raises(SystemExit) as leaving:
        __main__.main(list(args))
    out, err = capsys.readouterr()
    words = lambda text: re.sub(r"[\s│]+", " ", text)  # noqa: E731
    return leaving.value.code, words(out), words(err)


@pytest.fixture
def untrained(monkeypatch):
    """Fails if a training starts all the same."""

    def never(*args, **options):
        raise AssertionError("nothing should have been trained")

    monkeypatch.setattr(fitting, "fit", never)


def test_help_names_the_commands_and_the_tasks(capsys):
    status, out, _ = shown(capsys, "--help")
    assert status == 0
    for words in ("{train,", "info", "spikes", "data sets", "goes on"):
        assert words in out


def test_help_on_training_tells_about_every_task(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    status, out, _ = shown(capsys, "train", "--help")
    assert status == 0
    assert f"usage: snnjax train [-h] {{{','.join(TASKS)}}}" in out
    assert "• digits Handwritten digits" in out
    assert "• spoken-digits Speech" in out
    assert set(training_command.TASKS) == set(TASKS)


def test_help_on_what_was_chosen_keeps_its_name_and_tells_about_it(capsys):
    for args, usage, about in HELPS:
        status, out, _ = shown(capsys, *args, "--help")
        assert status == 0
        assert f"usage: snnjax {' '.join(args)} [-h]{usage}" in out
        assert about in out


HELPS = (
    (["train", "digits"], " [DIGITS OPTIONS]", "Handwritten digits"),
    (
        ["train", "yin-yang"],
        " [YIN-YANG OPTIONS]",
        "--gradient {surrogate,eventprop,ttfs} ",
    ),
    (["train", "ecg"], " [ECG OPTIONS]", "Segments of a heartbeat"),
    (
        ["predict"],
        " RUN FILE ... [--json] [--skip-bad]",
        "FILE ... Recordings, or folders of recordings. (required)",
    ),
    (["encode"], " {audio}", "Turn sounds into spikes"),
    (["encode", "audio"], " FOLDER OUT [--", "FOLDER Folder of recordings. (required)"),
    (["kernels", "build"], " [--force]", "needs a C++ compiler"),
    (["models"], " {list,show,evaluate}", "• evaluate Test a network"),
    (["models", "list"], "", "List the networks"),
    (["models", "show"], " NAME", "NAME Name of a network"),
    (["models", "evaluate"], " NAME [--data PATH]", "--data PATH Folder with"),
    (["nir"], " {show,run}", "• run Run the network of a NIR file"),
    (
        ["nir", "show"],
        " FILE [--dt SECONDS] [--method exact|euler]",
        "--method exact|euler Of integration;",
    ),
    (["nir", "run"], " [RUN OPTIONS] FILE", "--input RASTER Raster [T, n]"),
    (["data"], " {list,info,get,check,show,convert}", "• get Download a data set"),
    (["data", "list"], "", "List the data sets"),
    (["data", "info"], " NAME", "NAME Name of a data set"),
    (["data", "get"], " NAME [--to FOLDER]", "FOLDER Folder of all data sets"),
    (["data", "check"], " PATH", "PATH File or folder"),
    (["data", "show"], " [SHOW OPTIONS] PATH", "--camera NAME Which one of several"),
    (["data", "convert"], " [CONVERT OPTIONS] PATH OUT", "OUT File to make"),
)


def test_help_on_a_task_names_every_option_in_words(capsys):
    status, out, _ = shown(capsys, "train", "spoken-digits", "--help")
    assert status == 0
    for words in (
        "--out PATH Folder for report.html, summary.json, networks, metrics,",
        "--settings PATH Options from a file, as the folder of a run keeps them",
        "--seeds INT How many networks",
        "--epochs INT How often each network sees all training data.",
        "as the task has it",
        "--data PATH Folder with the files of the task. (default: $SNNJAX_DATA",
        "--from-sound From recordings, even where",
        "--model {lif,adlif,delays} Recurrent leaky neurons",
        "--hidden INT How many neurons",
        "--surrogate TEXT Pseudo-derivative of a spike",
        "--reset {zero,subtract,none} Of the voltage after a spike. (default: zero)",
        "--dt FLOAT Step of time, in seconds.",
        "--seed INT Number of the first random start. (default: 0)",
        "--batch INT Samples of an update.",
        "--learning-rate FLOAT Of Adam, at first",
        "--rule {bptt,eprop,per_unit,truncated,rtrl,rank_one,kronecker} How to learn:",
        "--block INT Steps that are one to a rule other than bptt. (default: 10)",
        "cut off goes on when called again with the same one",
    ):
        assert words in out
    assert "None" not in out


def test_help_on_chips_names_every_option_in_words(capsys):
    for action, words in CHIPS.items():
        status, out, _ = shown(capsys, "chip", action, "--help")
        assert status == 0
        for each in words:
            assert each in out
        assert "None" not in out


CHIPS = {
    "transfer": (
        "The networks that `snnjax train` (or `snnjax chip train`) left in RUN",
        "RUN Folder of a finished training.",
        "--mismatch [FLOAT [FLOAT ...]] Standard deviations of the factors: 0.3 is",
        "--chips INT How many chips, the same ones for each mismatch. (default: 100)",
        "--samples INT How many test samples each chip sees",
        "--seed INT Which chips. (default: 0)",
        "--out PATH Folder for summary.json and report.png. (default: RUN/transfer)",
        "--data PATH Folder with the files of the task; digits need none. (default:",
    ),
    "train": (
        "TASK digits (64-100-10 neurons) or mnist at 16x16 pixels (256-246-10)",
        "--mismatch FLOAT Standard deviation of factors on the constants of neurons",
        "--serial INT Which chip. (default: 1)",
        "--start RUN Folder of a training of chip-digits or chip-mnist, to go on from",
        "--epochs INT How often the network sees all training data. (default: as many",
        "--out PATH Folder for summary.json, report.png, metrics and the checkpoint",
        "or whose chip failed, goes on when called again with the same --out",
    ),
}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "There is no run"),
        (["--chips", "0"], "chips must be at least 1, got 0"),
        (["--mismatch", "0.1", "-0.2"], "mismatch is a fraction, 0.3 for 30 %"),
        (["--mismatch", "30"], "from 0 to 3; got 30"),
    ],
)
def test_chips_of_no_run_are_refused(options, reason, capsys, tmp_path):
    run = tmp_path / "run"
    assert reason in refused(capsys, "chip", "transfer", str(run), *options)
    assert not run.exists()


@pytest.mark.parametrize(
    ("args", "culprit"),
    [
        (["train", "nonsense"], "nonsense"),
        (["train", "digits", "--seeds", "many"], "--seeds"),
        (["train", "digits", "--speed", "2"], "--speed"),
        (["train", "digits", "--data", "here"], "--data"),
        (["train", "digits", "--from-sound"], "--from-sound"),
        (["train", "digits", "--normalize"], "--normalize"),
        (["train", "digits", "--reset", "never"], "--reset"),
        (["train", "ecg", "--dt", "0.1"], "--dt"),
        (["train"], "digits"),
        (["data", "list", "shd"], "shd"),
        (["data", "get"], "name"),
        (["models", "list", "digits"], "digits"),
        (["data", "info", "shd", "--to", "x"], "--to"),
        (["fly"], "fly"),
        ([], "train"),
    ],
)
def test_a_command_that_cannot_be_read_is_refused_and_named(args, culprit, capsys):
    status, out, err = shown(capsys, *args)
    assert status == 2
    assert out == ""
    assert culprit in err.casefold()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--seeds", "0"], "at least 1"),
        (["--epochs", "0"], "at least 1"),
        (["--epochs", "-3"], "at least 1"),
        (["--surrogate", "superspik(2)"], "There is no surrogate 'superspik'"),
        (["--hidden", "-3"], "hidden must be at least 1"),
        (["--dt", "1.0"], "dt must be a step in seconds"),
        (["--batch", "100000"], "batch must be at most the 1197 samples"),
        (["--learning-rate", "-1"], "learning_rate must be finite and positive"),
        (["--settings", "nowhere.json"], "There are no settings at nowhere.json"),
        (["--block", "5"], "'bptt' takes none, got 5"),
        (["--rule", "eprop", "--block", "0"], "block must be"),
        (["--rule", "kronecker"], "kronecker needs a recurrent layer"),
        (["--processes", "0"], "processes must be 1 or more, got 0"),
        (["--process-id", "0"], "process_id needs a coordinator, HOST:PORT"),
        (["--coordinator", "here"], "coordinator must be HOST:PORT, got 'here'"),
        (["--coordinator", "here:99"], "needs processes and process_id"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    options, reason, capsys, tmp_path, untrained
):
    out = tmp_path / "run"
    line = refused(capsys, "train", "digits", "--out", str(out), *options)
    assert reason in line
    assert not out.exists()


def test_what_can_be_asked_of_a_task_is_what_its_function_takes():
    unasked = {"data", "progress", "recurrence", "measured"}  # by studies, of runs
    for name, (_, *own) in training_command.TASKS.items():
        asked = {each.partition(":")[0] for each in own} - {"data", "path"}
        asked = {"source" if each == "from_sound" else each for each in asked}
        takes = {*inspect.signature(TASKS[name]).parameters}
        assert asked == takes - unasked, name
        needs_none = "chip-digits", "own-data"  # the other has a path
        assert ("data" in own) == ("data" in takes and name not in needs_none)


def test_what_may_be_chosen_is_what_the_functions_know():
    chosen = {
        training_command.Model: get_args(spoken_digits.Model),
        training_command.Network: own_networks.KINDS,
        training_command.Reset: get_args(leaky.Reset),
        training_command.Gradient: get_args(yin_yang.Gradient),
        training_command.Rule: (rules.BPTT, *rules.RULES),
    }
    for kind, known in chosen.items():
        assert get_args(kind) == known


def test_settings_of_a_file_are_those_of_the_run_unless_others_are_given(
    capsys, tmp_path, monkeypatch
):
    asked = {}

    def train(task, out, **options):
        asked.update(options, **task.options)
        raise ValueError("asked")

    monkeypatch.setattr(tasks, "train", train)
    kept = {"task": "digits", "hidden": 9, "seeds": 3, "epochs": 7, "block": None}
    kept |= {"surrogate": "Triangle(slope=2.0)"}
    (tmp_path / "settings.json").write_text(json.dumps(kept))
    given = "--settings", str(tmp_path), "--epochs", "2", "--reset", "subtract"
    assert "asked" in refused(capsys, "train", "digits", *given)
    told = {"hidden": 9, "surrogate": "Triangle(slope=2.0)", "reset": "subtract"}
    assert asked == {"seeds": 3, "epochs": 2, **told, "dt": 1e-3}
    line = refused(capsys, "train", "mnist", "--settings", str(tmp_path))
    assert "settings of 'digits', not of 'mnist'" in line
    (tmp_path / "settings.json").write_text('{"speed": 2}')
    line = refused(capsys, "train", "digits", "--settings", str(tmp_path))
    assert "digits has no option 'speed'" in line


def test_a_job_is_joined_or_started_as_it_is_asked_for(capsys, monkeypatch):
    asked = []

    @contextlib.contextmanager
    def job(*given):
        asked.append(given)
        raise ConnectionError("joins")
        yield

    monkeypatch.setattr(processes, "job", job)
    monkeypatch.setattr(processes, "launch", lambda *given: asked.append(given) or 3)
    where = "--coordinator", "here:99", "--process-id", "1"
    for number in ([], ["--processes", "2"]):
        line = refused(capsys, "train", "digits", *where, *number)
        assert line == "snnjax: joins"
    assert asked == [("here:99", None, 1), ("here:99", 2, 1)]
    asked.clear()
    args = ["train", "digits", "--processes", "2", "--seeds", "4"]
    assert __main__.main(args) == 3
    assert refused(capsys, "train", "digits", "--processes", "1") == "snnjax: joins"
    assert asked == [(args, 2), (None, 1, None)]


@pytest.mark.parametrize("gradient", [None, *get_args(yin_yang.Gradient)])
def test_the_gradient_is_the_one_that_is_asked_for(gradient, capsys, monkeypatch):
    asked = {}

    def train(task, out, **options):
        asked.update(task.options)
        raise ValueError("asked")

    monkeypatch.setattr(tasks, "train", train)
    given = ["--gradient", gradient] if gradient else []
    assert "asked" in refused(capsys, "train", "yin-yang", *given)
    assert asked["gradient"] == (gradient or "surrogate")


@pytest.mark.parametrize("made", [False, True])
def test_missing_data_says_where_it_looked_and_what_to_do(made, capsys, tmp_path):
    data, out = tmp_path / "data", tmp_path / "run"
    if made:
        data.mkdir()
    line = refused(
        capsys, "train", "spoken-digits", "--data", str(data), "--out", str(out)
    )
    assert str(data) in line
    assert "SNNJAX_DATA" in line
    assert not out.exists()


def test_an_out_that_is_a_file_is_refused(capsys, tmp_path, untrained):
    (tmp_path / "run").write_text("mine")
    line = refused(capsys, "train", "digits", "--out", str(tmp_path / "run"))
    assert str(tmp_path / "run") in line
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.parametrize(
    ("module", "extra"),
    [("tyro", "cli"), ("matplotlib.figure", "plot"), ("sklearn.datasets", "data")],
)
def test_a_missing_package_says_what_to_install_before_any_training(
    module, extra, capsys, monkeypatch, tmp_path, untrained
):
    monkeypatch.setitem(sys.modules, module, None)
    line = refused(capsys, "train", "digits", "--out", str(tmp_path / "run"))
    assert f'pip install "snnjax[{extra}]"' in line


def test_the_version_is_told(capsys):
    assert __main__.main(["--version"]) == 0
    assert capsys.readouterr().out == f"snnjax {snn.__version__}\n"


def test_info_prints_versions_and_devices(capsys):
    assert __main__.main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = [line.split(maxsplit=1) for line in lines]
    assert ["jax", jax.__version__] in named
    found = [text for name, text in named if name == "device"]
    assert found == [f"{d.platform}: {d.device_kind}" for d in jax.devices()]


def test_info_warns_of_a_gpu_that_jax_does_not_use(capsys, monkeypatch, tmp_path):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").touch()
    look = partial(devices.unused, root=tmp_path)
    monkeypatch.setattr(devices, "unused", look)
    assert __main__.main(["info"]) == 0
    (line,) = re.findall(r"^warning +(.*)$", capsys.readouterr().out, re.M)
    assert line.startswith("an NVIDIA GPU is here (/dev/nvidia0) and JAX runs on cpu")


def test_info_says_what_is_not_installed(capsys, monkeypatch):
    from importlib import metadata

    version = metadata.version

    def without_h5py(name):
        if name == "h5py":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without_h5py)
    assert __main__.main(["info"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^h5py +not installed$", out, re.M)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for name in {re.split(r"[^\w-]", each)[0] for k in extras for each in extras[k]}:
        assert name == "snnjax" or re.search(rf"^{name} +\S", out, re.M), name
    for name in ("matplotlib", "grain", "soundfile"):
        assert re.search(rf"^{name} +{version(name)}$", out, re.M)


def test_training_prints_its_accuracy_and_where_the_report_is(capsys, tmp_path):
    folder = tmp_path / "run"
    assert __main__.main(["train", "digits", "--epochs=1", "--out", str(folder)]) == 0
    out, err = capsys.readouterr()
    found = json.loads((folder / "summary.json").read_text())
    assert f"test accuracy {found['test_accuracy']:.3f}" in out
    assert f"report: {folder / 'report.html'}" in out
    assert "digits seed 0  epoch 1/1" in err

    line = (folder / "seed0" / "checkpoint" / "1" / "note" / "metadata").open("a")
    with line:
        line.write("x")
    assert __main__.main(["train", "digits", "--epochs=1", "--out", str(folder)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "damaged" in line
    assert str(folder / "seed0") in line


def command(*args, **environment):
    return subprocess.run(
        [sys.executable, "-m", "snnjax", *args],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


def test_the_module_runs_as_a_program(tmp_path):
    done = command("info")
    assert done.returncode == 0
    assert f"jax            {jax.__version__}" in done.stdout
    assert done.stderr == ""


def test_a_refused_program_exits_with_an_error_and_no_traceback(tmp_path):
    done = command(
        "train", "spoken-digits", XDG_CACHE_HOME=str(tmp_path), SNNJAX_DATA=""
    )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    files = "recordings/*.wav, or shd_train.h5 and shd_test.h5"
    assert line.startswith(f"snnjax: No spoken digits ({files}) in {tmp_path}")


def test_an_interrupted_training_says_that_it_goes_on(tmp_path):
    program = (
        "import signal; from snnjax.__main__ import main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # or ignored
        "raise SystemExit(main())"
    )
    args = ("train", "digits", "--epochs", "5000", "--out", str(tmp_path))
    done = subprocess.Popen(
        [sys.executable, "-c", program, *args], stderr=subprocess.PIPE, text=True
    )
    rows = tmp_path / "seed0" / "metrics.jsonl"
    while not (rows.exists() and rows.read_text()):
        assert done.poll() is None
        time.sleep(0.1)
    for wait in (0.0, 0.02, 0.3):  # the others come while it saves, and while it ends
        time.sleep(wait)
        done.send_signal(signal.SIGINT)
    told = done.communicate(timeout=60)[1]
    assert done.returncode in (130, -signal.SIGINT)  # by the last of them
    assert "Traceback" not in told
    assert told.endswith("go on if the command is given again.\n")


def test_kernels_are_built_on_demand_and_info_says_where(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(build, "load", build.load.__wrapped__)
    assert __main__.main(["info"]) == 0
    assert "run: snnjax kernels build" in capsys.readouterr().out
    monkeypatch.setattr(build, "compiler", lambda: None)
    assert "No C++ compiler" in refused(capsys, "kernels", "build")


def test_devices_that_are_not_there_are_told_in_a_line(capsys, monkeypatch):
    def none(*args):
        raise AssertionError

    monkeypatch.setattr(jax, "devices", none)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    assert __main__.main(["info"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no device for JAX_PLATFORMS='cuda'" in line
    assert "set it to cpu" in line


def test_control_characters_in_a_name_stay_on_the_line(capsys, tmp_path):
    name = tmp_path / "a\x1b[31m\nb\r\x07"
    line = refused(capsys, "data", "check", str(name))
    assert line.isprintable()
    assert r"a\x1b[31m\nb\r\x07" in line
    refused(capsys, "encode", "audio", str(name), str(tmp_path / "b.h5"))


def test_control_characters_of_files_do_nothing(capsys, tmp_path):
    (tmp_path / "a\x1b[31m.npz").write_bytes(b"PK\x03\x04 cut")
    __main__.main(["data", "check", str(tmp_path)])
    out, _ = capsys.readouterr()
    assert r"a\x1b[31m.npz" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    "args", [["--help"], ["data", "list"], ["data", "info", "shd"]]
)
def test_a_terminal_with_few_letters_is_enough(args):
    done = subprocess.run(
        [sys.executable, "-m", "snnjax", *args],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "80"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert not done.stderr


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_help_is_no_wider_than_the_terminal(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    for args in ([], ["train"], ["train", "mnist"], ["encode", "audio"], ["chip"]):
        with pytest.raises(SystemExit):
            __main__.main([*args, "--help"])
        lines = capsys.readouterr().out.splitlines()
        assert columns - 12 < max(map(len, lines)) <= columns
        assert not any(line.startswith("type:") for line in lines)


def test_a_reader_that_leaves_early_is_no_error():
    for args in ("--help", "data list", "data info shd"):
        python = shlex.quote(sys.executable)
        program = f"{python} -m snnjax {args} | head -c 1; exit ${{PIPESTATUS}}"
        done = subprocess.run(
            ["bash", "-c", program], capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 141)  # 0 if it was faster than its reader
        assert done.stderr == ""
