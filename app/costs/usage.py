"""How much a site is used in a month; everything that a price is multiplied with."""

from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self

from app.errors import InvalidRequest

DEMO_REQUESTS: Final = 300_000
DEMO_STORED_GB: Final = 10.0


@dataclass(frozen=True)
class Usage:
    """Of one month. What is not counted by a request is assumed, and can be given.

    ``stored_gb`` are files in the bucket, ``disk_gb`` is the database. What of it is read and
    written is as EFS meters it, each access as 32 KB at least. A commit is some 200 KB then: one
    for each kept drawing, and one for the requests of five seconds, which are four, as a page comes
    with its pictures. What each backup reads comes on top.

    ``request_steps`` is how many times 512 KB a request takes at the API. ``function_ms`` is a
    request's time in the function, ``cold_share`` how many requests start one, and ``init_ms`` how
    long that takes.
    ``door_share`` are the requests that the demo door answers, if there is one. ``gb_seconds`` are
    those of the site's function as they were measured, starts included; else they are computed.
    """

    requests: float = DEMO_REQUESTS
    stored_gb: float = DEMO_STORED_GB
    puts: float = 30_000
    gets: float = 300_000
    disk_gb: float = 0.1  # 10 GB of files are 77,000 drawings, whose rows take 70 MB
    disk_read_gb: float = 3
    disk_write_gb: float = 20
    log_gb: float = 0.3
    sent_gb: float = 9
    image_gb: float = 1.5
    request_steps: float = 1.05
    secret_calls: float = 8_640  # each process asks every five minutes
    function_ms: float = 60
    cold_share: float = 0.02
    init_ms: float = 4_000
    door_share: float = 0.5
    gb_seconds: float | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            if (getattr(self, one.name) or 0) < 0:
                raise InvalidRequest(f"{one.name} is below 0; a month cannot have used that.")
        for share in ("cold_share", "door_share"):
            if getattr(self, share) > 1:
                raise InvalidRequest(f"{share} is above 1; it is a part of all requests.")

    @classmethod
    def measured(cls, run: dict[str, Any]) -> Self:
        """What a load run used; raise ``InvalidRequest`` if it names something else."""
        known = {one.name for one in fields(cls)}
        if strange := sorted(set(run) - known):
            raise InvalidRequest(
                f"The run tells {', '.join(strange)}, which has no price; it may tell "
                f"{', '.join(sorted(known))}."
            )
        if not all(type(value) in (int, float) for value in run.values()):
            raise InvalidRequest("The run tells something that is no number; correct it.")
        return cls(**run)

    def times(self, factor: float) -> Self:
        """As many times the visitors; images and secrets stay as they are."""
        grown = (
            "requests", "stored_gb", "puts", "gets", "disk_gb", "disk_read_gb", "disk_write_gb",
            "log_gb", "sent_gb",
        )  # fmt: skip
        return replace(self, **{name: getattr(self, name) * factor for name in grown})


DEMO: Final = Usage()
