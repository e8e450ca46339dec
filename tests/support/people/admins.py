"""The admin: who knows the password, at a browser that keeps cookies as browsers do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlencode

import httpx

from app.access.password import hashed
from tests.support.people.visitors import HTML, Visitor

PASSWORD = "five words that nobody expects"  # noqa: S105 - made up for tests
NEW_PASSWORD = "other words which nobody would say"  # noqa: S105 - of the next one
HASH = hashed(PASSWORD)  # takes a while, so once for all tests
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Admin:
    """Keeps the cookies that are set and sends them along."""

    visitor: Visitor
    cookies: dict[str, str] = field(default_factory=dict)

    def logs_in(self, password: str = PASSWORD, *, going_to: str = "") -> httpx.Response:
        query = f"?{urlencode({'next': going_to})}" if going_to else ""
        return self.sends(f"/login{query}", password=password)

    def opens(self, path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.asks("GET", path, {**HTML, **named})

    def sends(self, path: str, **fields: str) -> httpx.Response:
        return self.asks("POST", path, {**HTML, **FORM}, urlencode(fields).encode())

    def asks(
        self, method: str, path: str, headers: dict[str, str], content: bytes | None = None
    ) -> httpx.Response:
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        both = {**headers, **({"Cookie": kept} if kept else {})}
        response = self.visitor.asks(method, path, headers=both, content=content)
        self._keep(response)
        return response

    def _keep(self, response: httpx.Response) -> None:
        for cookie in response.headers.get_list("set-cookie"):
            pair, *attributes = cookie.split("; ")
            name, _, value = pair.partition("=")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


@dataclass(frozen=True)
class Browser:
    """The admin at a site that is served on a port, with the cookie jar of httpx."""

    client: httpx.Client

    @classmethod
    @contextmanager
    def at(cls, address: str) -> Iterator[Self]:
        """Opened, and empty; redirects are returned, not followed."""
        with httpx.Client(base_url=address, headers=HTML, timeout=30) as client:
            yield cls(client)

    def logs_in(self, password: str = PASSWORD, *, going_to: str | None = None) -> httpx.Response:
        """As the form does that was opened at the same address."""
        query = "" if going_to is None else f"?{urlencode({'next': going_to})}"
        return self.sends(f"/login{query}", password=password)

    def opens(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def sends(self, path: str, **fields: str) -> httpx.Response:
        return self.client.post(path, data=fields, headers={"Sec-Fetch-Site": "same-origin"})

    @property
    def is_let_in(self) -> bool:
        """Whether a page of the admin's opens; else it must be the login that is shown."""
        shown = self.opens("/configuration")
        if shown.status_code == httpx.codes.OK:
            return True
        assert shown.headers["location"] == "/login?next=%2Fconfiguration"
        return False
