"""The admin: who knows the password, at a browser that keeps cookies as browsers do."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx

from app.access.password import hashed
from tests.support.people.visitors import HTML, Visitor

PASSWORD = "five words that nobody expects"  # noqa: S105 - made up for tests
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
