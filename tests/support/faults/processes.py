"""Processes to be killed, started in a few milliseconds and heard through a pipe."""

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from signal import SIGKILL
from typing import Self

# One process imports everything once; each child is a fork of it, free of pytest's threads.
# pytest is imported with it because each child imports the parent's main module anew.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["pytest", "tests.support.stores.writers", "tests.support.gateway.served"]
)
AWAKE = b"awake"


@dataclass(frozen=True)
class Child:
    """A process that is given one end of a pipe as its last argument."""

    process: ForkServerProcess
    ear: Connection

    @classmethod
    def start(cls, target: Callable[..., None], *arguments: object) -> Self:
        """Call ``target`` in a process of its own, which has just come to life."""
        ear, mouth = CONTEXT.Pipe(duplex=False)
        process = CONTEXT.Process(target=_live, args=(target, mouth, *arguments), daemon=True)
        process.start()
        mouth.close()
        assert ear.recv_bytes() == AWAKE
        return cls(process, ear)

    def kill(self) -> None:
        """``kill -9``; it must have been alive until then."""
        self.process.kill()
        self.process.join(20)
        assert self.process.exitcode == -SIGKILL, "it ended by itself"
        self.process.close()

    def finish(self) -> None:
        """Wait until it has ended well."""
        self.process.join()
        assert self.process.exitcode == 0
        self.process.close()

    def said(self) -> list[str]:
        """Everything it said before its end; a message is written whole or not at all."""
        messages = []
        with self.ear, suppress(EOFError):
            while True:
                messages.append(self.ear.recv_bytes().decode())
        return messages


def _live(target: Callable[..., None], mouth: Connection, *arguments: object) -> None:
    mouth.send_bytes(AWAKE)
    target(*arguments, mouth)
