"""Which modules of the application run for one task, counted by the functions that are called.

``python -m tests.infra.walks upload`` and ``… backup`` print them, one a line. A second, warm run
is counted: what is opened, imported or cached once does not count.
"""

import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import FrameType

import httpx

import app
from app.bootstrap import prepare
from app.environment import Settings
from app.imaging.synthetic import DEMO_SAMPLES, draw_sample
from app.main import open_app

APP = Path(app.__file__).parent


class Walk:
    """Notes the module of each function that is called while it is ``open``."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.open = False

    def note(self, frame: FrameType, event: str, argument: object) -> None:
        """A profile function, for the threads that begin from now on, too."""
        if not self.open or event != "call" or frame.f_code.co_name == "<module>":
            return  # almost always: the start calls a million functions
        file = Path(frame.f_code.co_filename)
        if APP in file.parents:
            self.modules.add(file.relative_to(APP).with_suffix("").as_posix())


def upload(walk: Walk, folder: Path) -> None:
    """A drawing that is handed in with the form and kept, up to the redirect to its page."""
    site = open_app(Settings.load({"ENVIRONMENT": "local", "DATA_DIR": str(folder)}, folder))
    picture = draw_sample(DEMO_SAMPLES[0])

    async def submit() -> None:
        transport = httpx.ASGITransport(site)
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as visitor:
            for walk.open in (False, True):
                form = {"age_years": "6.2", "category": "rabbit", "attempt": str(walk.open)}
                answer = await visitor.post("/upload", files={"image": picture}, data=form)
                assert answer.status_code == httpx.codes.SEE_OTHER, answer.text

    asyncio.run(submit())


def back_up(walk: Walk, folder: Path) -> None:
    """The scheduled function, from its event to its report."""
    from handlers import backup  # imported late, so that its log lines do not mix with the answer

    os.environ |= {"ENVIRONMENT": "local", "DATA_DIR": str(folder)}
    prepare(Settings.load(os.environ, folder))
    for walk.open in (False, True):
        backup.handler({}, None)


WALKS: dict[str, Callable[[Walk, Path], None]] = {"upload": upload, "backup": back_up}


def walked(task: str) -> list[str]:
    """The modules, below ``app/``, in order."""
    walk = Walk()
    threading.setprofile(walk.note)
    sys.setprofile(walk.note)
    try:
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
            WALKS[task](walk, Path(folder))
    finally:
        sys.setprofile(None)
    return sorted(walk.modules)


if __name__ == "__main__":
    print("\n".join(walked(sys.argv[1])))
