"""What goes on in a thread of its own while a test does something else."""

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Beside(ABC):
    """Begins and ends with a block; ``go_on`` returns soon after ``ended`` is set."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self.go_on, daemon=True)

    @abstractmethod
    def go_on(self) -> None:
        """Run in the thread."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ended.set()
        self._thread.join()
