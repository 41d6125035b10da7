import os
import subprocess
import sys

from snnjax.kernels import build

CHILD = """
import time
from snnjax.kernels import build

compile_ = build._compile
def counted(*args):
    print("compiles", flush=True)
    time.sleep(1.0)
    compile_(*args)
build._compile = counted
print(build.build(), flush=True)
"""


def test_of_several_builds_at_once_one_compiles(tmp_path):
    quick = tmp_path / "c++"  # says its version, and makes a file
    quick.write_text(
        "#!/bin/sh\n"
        '[ "$1" = --version ] && { echo quick 1.0; exit; }\n'
        'for last; do :; done; echo library > "$last"\n'
    )
    quick.chmod(0o755)
    env = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "CXX": str(quick)}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", CHILD]
    several = [
        subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True)
        for _ in range(3)
    ]
    ends = [each.communicate(timeout=60) for each in several]
    assert [each.returncode for each in several] == [0, 0, 0], ends
    told = "".join(out for out, _ in ends)
    assert told.count("compiles") == 1
    assert len({out.splitlines()[-1] for out, _ in ends}) == 1
    made = {each.suffix for each in (tmp_path / "snnjax").iterdir()}
    assert made == {".so", ".json"}


def test_flags_of_the_environment_come_last_and_make_another_library(monkeypatch):
    monkeypatch.delenv("SNNJAX_CXXFLAGS", raising=False)
    usual = build.library()
    monkeypatch.setenv("SNNJAX_CXXFLAGS", "-march=x86-64-v3 -DNAME='a b'")
    assert build.flags() == (*build.FLAGS, "-march=x86-64-v3", "-DNAME=a b")
    assert build.library() != usual
    monkeypatch.delenv("SNNJAX_CXXFLAGS")
    assert build.library() == usual
