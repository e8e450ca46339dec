"""``python -m tests.fuzz``: each target in turn under libFuzzer, for so many seconds.

The same seed gives nearly the same inputs in the same order, and a faster machine gets further.
What escapes is kept in ``var/fuzz`` and can be given again: ``python -m tests.fuzz --again FILE``.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final

from tests.support import ROOT

TARGETS: Final = ("pictures", "forms", "manifests")
FOUND: Final = ROOT / "var" / "fuzz"
LONGEST_SECONDS: Final = 10  # for one input; all are answered in a tenth of a second
MOST_MEMORY: Final = 1024  # MB; what is imported takes 200
MISSING: Final = (
    "Fuzzing is skipped here: Atheris has wheels for Linux on x86_64 alone, and for Python 3.11 "
    "to 3.14."
)
PROGRESS: Final = re.compile(r"#(\d+)\s+DONE\s+cov: (\d+)")


def main(words: Sequence[str] | None = None) -> int:
    """The exit status: 1 if anything escaped."""
    asked = _arguments(words)
    if asked.again is not None:
        _take_again(asked.again)
        return 0
    if find_spec("atheris") is None:
        print(MISSING)
        return 0
    seed = time.time_ns() % 2**31 if asked.seed is None else asked.seed
    return max(_fuzz(name, asked.seconds, seed) for name in asked.target or TARGETS)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="for each target")
    parser.add_argument("--seed", type=int, help="what every choice follows from; random without")
    parser.add_argument("--target", action="append", choices=TARGETS, help="instead of all")
    parser.add_argument("--again", type=Path, help="give a file in var/fuzz to its target")
    return parser.parse_args(words)


def _fuzz(name: str, seconds: int, seed: int) -> int:
    print(f"{name}: {seconds} s with --seed {seed}", flush=True)
    log = FOUND / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    environ = os.environ | {"PYTHONHASHSEED": "0"}  # else the order of sets is another each time
    with tempfile.TemporaryDirectory() as folder, log.open("wb") as output:
        words = _words(import_module(f"tests.fuzz.{name}"), Path(folder), name, seconds, seed)
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.fuzz.worker", name, folder, *words],
            cwd=ROOT, env=environ, stdout=output, stderr=output, check=False,
        )  # fmt: skip
    said = log.read_text(errors="replace")
    done = PROGRESS.search(said)
    if ended.returncode == 0 and done is not None:
        print(f"{name}: {int(done[1]):,} inputs, coverage {done[2]}; nothing escaped", flush=True)
        return 0
    print(f"{said[-6000:]}\n{name}: something escaped; see {log} and run --again FILE", flush=True)
    return 1


def _words(target: ModuleType, folder: Path, name: str, seconds: int, seed: int) -> list[str]:
    """libFuzzer's own, with the seeds and the words in files.

    The seeds are listed, as a folder's files come in another order each time.
    """
    seeds, dictionary = folder / "seeds", folder / "words"
    files = []
    for number, content in enumerate(target.seeds()):
        files.append(f"{folder / str(number)}.seed")
        Path(files[-1]).write_bytes(content)
    seeds.write_text(",".join(files))
    escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in target.WORDS)
    dictionary.write_text("".join(f'"{word}"\n' for word in escaped))
    return [
        f"-max_total_time={seconds}",
        f"-seed={seed or 1}",  # 0 would be random
        f"-timeout={LONGEST_SECONDS}",
        f"-rss_limit_mb={MOST_MEMORY}",
        f"-max_len={target.LONGEST}",
        f"-dict={dictionary}",
        f"-artifact_prefix={FOUND}/{name}-",
        "-print_final_stats=1",
        f"-seed_inputs=@{seeds}",
    ]


def _take_again(file: Path) -> None:
    """Raises as it did; the target is the first word of the file's name."""
    target = import_module(f"tests.fuzz.{file.name.partition('-')[0]}")
    with tempfile.TemporaryDirectory() as folder, target.opened(Path(folder)) as take:
        take(file.read_bytes())


if __name__ == "__main__":
    sys.exit(main())
