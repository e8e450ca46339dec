"""Restores that are killed before each step that Python can see, one fork for each.

A program of its own, ``python -m tests.support.faults.killed TEMPLATE FOLDER``: forking wants a
process without threads. Each fork restores in its own copy of the template; the program prints
how many were killed until one came through.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

from tests.support.people.operators import Operator


def main(template: Path, folder: Path) -> int:
    """How many steps there are to be killed before."""
    step = 0
    while True:
        step += 1
        site = folder / str(step)
        shutil.copytree(template, site)
        if not _is_killed(site, step):
            return step - 1


def _is_killed(site: Path, step: int) -> bool:
    child = os.fork()
    if child == 0:
        _kill_before(site, step)
        Operator(site).restores()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return True
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"the restore of step {step} failed by itself")
    return False


def _kill_before(site: Path, step: int) -> None:
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if any(str(argument).startswith(str(site)) for argument in arguments):
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), Path(sys.argv[2])))
