"""What guessing a password tells, and what it costs others, as ratios against a limit each.

Run as ``python -m benchmarks.access``. How long a password is, and whether there is one at all, is
compared by CPU time, in turns and in another order each round: a neighbour that takes the
processor does not decide. What visitors notice of a thousand guesses, from 50 addresses and 20 a
second, can only be measured by the clock; so a second with guesses follows one without, and both
have the same neighbours. Exit status 1 if a limit is not kept.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from http.client import HTTPConnection
from multiprocessing import get_context
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx
from sqlalchemy import func, select

from app.access.limits import FREE_FOR_ALL
from app.access.password import PasswordCheck
from app.access.secrets import AdminSecret, SecretFile
from app.bootstrap import SECRET_FILE, Services
from app.environment import Settings
from app.storage.tables import LoginAttempts, now
from app.web.app import create_app
from app.web.front import ADDRESS_HEADER, SECRET_HEADER, Front
from tests.support import ROOT
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.admins import FORM, HASH
from tests.support.people.visitors import HTML, Visitor
from tests.support.polling import free_port, when_up
from tests.support.stores.sites import open_services

LARGEST_RATIO: Final = 1.05  # between any two
LARGEST_SLOWDOWN: Final = 1.2
MOST_MIB: Final = 25.0
ROUNDS: Final = 200
GUESSES, ADDRESSES, PER_SECOND, PER_BLOCK = 1000, 50, 20, 20
ORIGIN_SECRET: Final = "5ecret" * 6
PASSWORDS: Final = {
    "1 letter": "a",
    "10 letters": "abcdefghij",
    "72 letters": "abcdefgh" * 9,
    "1,000 letters": "abcdefgh" * 125,
    "beyond ASCII": "e\u0301\u4e2d\U0001f600" * 20,
}
NOT_SET: Final = "no password set"
AT_ONCE: Final = 20
# Without the limit on how many may wait, so that all are there at the same time.
PEAK: Final = """
import sys, threading
from pathlib import Path
from app.access.password import PasswordCheck

def mib(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024

together = int(sys.argv[1])
check = PasswordCheck(places=threading.Semaphore(together))
threads = [threading.Thread(target=check.matches, args=("wrong", None)) for _ in range(together)]
Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from now
before = mib("VmRSS")
for thread in threads: thread.start()
for thread in threads: thread.join()
print(mib("VmHWM") - before)
"""


@dataclass
class Verdict:
    """Says each measurement with its limit, and remembers whether one was not kept."""

    kept: bool = True

    def say(self, what: str, measured: float, limit: float, unit: str = "") -> None:
        """A measurement is good up to its limit."""
        self.kept = self.kept and measured <= limit
        print(f"{what}: {measured:.3g}{unit} / {limit:.3g}{unit}")


@dataclass
class Days:
    """A clock by which each attempt comes when all before it are forgotten."""

    passed: int = 0

    def __call__(self) -> datetime:
        self.passed += 2
        return now() + timedelta(days=self.passed)


@contextmanager
def opened(folder: Path, hash_: str | None) -> Iterator[Services]:
    """A site with that password, or none; its bundle is made up, as nothing is analysed."""
    settings = Settings.load({"ENVIRONMENT": "local", "DATA_DIR": str(folder)}, folder)
    if hash_ is not None:
        SecretFile(folder / SECRET_FILE).write(AdminSecret(hash_, 1))
    with open_services(settings, FakeAnalyzer()) as services:
        yield services


def guess(visitor: Visitor, password: str, **headers: str) -> int:
    """The status of the answer to one."""
    named = {**HTML, **FORM, **headers}
    content = urlencode({"password": password}).encode()
    return visitor.asks("POST", "/login", headers=named, content=content).status_code


def cpu_ms(attempt: Callable[[], object]) -> float:
    """CPU milliseconds of all threads of this process."""
    began = time.process_time()
    attempt()
    return (time.process_time() - began) * 1000


def at_any_time(services: Services, check: PasswordCheck) -> Visitor:
    """Somebody whose wrong passwords are forgotten each time."""
    if services.access is None:
        raise LookupError("There is no admin's side to log in to.")
    access = replace(services.access, clock=Days(), check=check)
    return Visitor(create_app(replace(services, access=access)))


def compare_answers(folder: Path, verdict: Verdict) -> None:
    """Whether the time that a wrong password takes tells how long it is, or that none is set.

    Both sites are asked equally often, as what is asked less is less in the processor's caches, and
    check in one thread, as in one process: how its memory lies is some percent of the time.
    """
    with opened(folder / "set", HASH) as one, opened(folder / "unset", None) as other:
        check = PasswordCheck()
        known, unknown = at_any_time(one, check), at_any_time(other, check)
        attempts = {name: partial(guess, known, password) for name, password in PASSWORDS.items()}
        for name, password in PASSWORDS.items():
            attempts[f"{NOT_SET}, {name}"] = partial(guess, unknown, password)
        shares = shares_of_a_round(in_turns(attempts))
    told = {name: shares[name] for name in PASSWORDS}
    told[NOT_SET] = statistics.median(shares[f"{NOT_SET}, {name}"] for name in PASSWORDS)
    for name, share in told.items():
        print(f"wrong password, {name}: {share:.3f} of its round's mean CPU time")
    verdict.say("slowest / quickest", max(told.values()) / min(told.values()), LARGEST_RATIO)


def shares_of_a_round(times: dict[str, list[float]]) -> dict[str, float]:
    """What each takes, as a median share of the mean of its round.

    A processor that is half as quick for a minute slows whole rounds, and tells nothing of a guess.
    """
    means = [statistics.mean(each) for each in zip(*times.values(), strict=True)]
    return {
        name: statistics.median(one / mean for one, mean in zip(each, means, strict=True))
        for name, each in times.items()
    }


def in_turns(attempts: Mapping[str, Callable[[], int]]) -> dict[str, list[float]]:
    """CPU milliseconds of each, once a round."""
    times: dict[str, list[float]] = {name: [] for name in attempts}
    statuses = {attempt() for attempt in attempts.values()}
    if statuses != {401, 403}:
        raise RuntimeError(f"A guess was answered with one of {statuses}, not with 401 or 403.")
    for _ in range(ROUNDS):
        for name in random.sample(list(attempts), len(attempts)):
            times[name].append(cpu_ms(attempts[name]))
    return times


def headers_of(number: int) -> dict[str, str]:
    """As CloudFront sends them for one of many addresses; the first of them guesses nothing."""
    return {**HTML, SECRET_HEADER: ORIGIN_SECRET, ADDRESS_HEADER: f"203.0.113.{number}:46532"}


def guess_for_a_block(address: str, first: int) -> Counter[int]:
    """As many a second as are said; the statuses of the answers.

    Not through httpx, whose own work would take the processor from the site.
    """
    statuses: Counter[int] = Counter()
    with closing(HTTPConnection(urlsplit(address).netloc)) as connection:
        for number in range(first, first + PER_BLOCK):
            began = time.monotonic()
            headers = {**FORM, **headers_of(1 + number % ADDRESSES)}
            connection.request("POST", "/login", f"password=guess+{number}", headers)
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] += 1
            time.sleep(max(0.0, 1 / PER_SECOND - (time.monotonic() - began)))
    return statuses


@dataclass(frozen=True)
class Reader:
    """Opens the same public page again and again."""

    client: httpx.Client

    def opens(self) -> float:
        """Seconds until it is there."""
        began = time.perf_counter()
        self.client.get("/").raise_for_status()
        seconds = time.perf_counter() - began
        time.sleep(0.005)
        return seconds

    def opens_while(self, going: Future[Counter[int]]) -> list[float]:
        """Seconds of each that is opened meanwhile."""
        seconds = []
        while not going.done():
            seconds.append(self.opens())
        return seconds


@contextmanager
def service(folder: Path) -> Iterator[str]:
    """Where the service's process answers, behind something that knows the origin secret."""
    folder.mkdir()
    SecretFile(folder / SECRET_FILE).write(AdminSecret(HASH, 1))
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environ = {
        "PATH": os.environ["PATH"], "ENVIRONMENT": "local", "DATA_DIR": str(folder),
        "PORT": str(port), "ORIGIN_SECRET": ORIGIN_SECRET, "PUBLIC_BASE_URL": address,
    }  # fmt: skip
    command = [sys.executable, "-m", "ecs.serve"]
    with subprocess.Popen(  # noqa: S603 - our own words
        command, env=environ, cwd=ROOT, stdout=subprocess.DEVNULL
    ) as process:
        try:
            yield when_up(address, lambda: process.poll() is None)
        finally:
            process.terminate()


def besiege(folder: Path, verdict: Verdict) -> None:
    """A thousand guesses, a block at a time, and public pages with and without them.

    Who guesses is a process of its own, as the one that measures would wait for itself.
    """
    quiet: list[float] = []
    besieged: list[float] = []
    statuses: Counter[int] = Counter()
    with (
        service(folder) as address,
        httpx.Client(base_url=address, headers=headers_of(0)) as client,
        ProcessPoolExecutor(1, get_context("spawn")) as guesser,
    ):
        reader = Reader(client)
        guesser.submit(time.sleep, 0).result()  # it is there
        for first in range(0, GUESSES, PER_BLOCK):
            guessing = guesser.submit(guess_for_a_block, address, first)
            block = reader.opens_while(guessing)
            statuses += guessing.result()
            besieged += block
            quiet += [reader.opens() for _ in block]
    verdict.say(f"let in, of {GUESSES} guesses", GUESSES - statuses[401] - statuses[429], 0)
    verdict.say("checked, the others 429", statuses[401], FREE_FOR_ALL + ADDRESSES)
    slow, usual = (statistics.quantiles(each, n=20)[-1] * 1000 for each in (besieged, quiet))
    print(f"p95 of {len(quiet)} public pages each: {usual:.1f} ms, {slow:.1f} ms with guesses")
    verdict.say("slower by them", slow / usual, LARGEST_SLOWDOWN)


def count_clients(folder: Path, verdict: Verdict) -> None:
    """How many those are who say of themselves that they come from many addresses."""
    with opened(folder, HASH) as services:
        for name, front, limit in (
            ("with a wrong origin secret", Front("http://test", (ORIGIN_SECRET,)), 0),
            ("with none set", Front("http://test"), 1),
        ):
            visitor = Visitor(create_app(services, front=front))
            statuses = Counter(
                guess(visitor, "wrong", **{
                    SECRET_HEADER: ORIGIN_SECRET[::-1],
                    ADDRESS_HEADER: f"203.0.113.{number % ADDRESSES}:46532",
                })
                for number in range(GUESSES)
            )  # fmt: skip
            print(f"{GUESSES} guesses {name}: {dict(statuses)}")
            verdict.say("clients that they count as", clients(services), limit)


def clients(services: Services) -> int:
    """How many have guessed, without the account's own row."""
    with services.stores.database.reading() as tx:
        return max(0, (tx.scalar(select(func.count()).select_from(LoginAttempts)) or 0) - 1)


def measure_memory(verdict: Verdict) -> None:
    """The peak of a process of its own while passwords are checked, above what it had before."""
    for together in (1, AT_ONCE):
        done = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", PEAK, str(together)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        verdict.say(f"argon2, {together} at once", float(done.stdout), MOST_MIB, " MiB")


def main() -> None:
    """Each measurement says what it is up to."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    verdict = Verdict()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure_memory(verdict)
        count_clients(folder / "clients", verdict)
        compare_answers(folder, verdict)
        besiege(folder / "besieged", verdict)
    sys.exit(not verdict.kept)


if __name__ == "__main__":
    main()
