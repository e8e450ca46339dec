"""The promises notice a door that spoils what passes through it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.packages.behaviours import BEHAVIOURS
from tests.packages.doors import through_uvicorn

Spoil = Callable[[httpx.Response], httpx.Response]


@dataclass(frozen=True)
class SpoilingTransport(httpx.BaseTransport):
    """Lets everything through, but for one difference."""

    spoil: Spoil
    inner: httpx.BaseTransport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.inner.handle_request(request)
        answer.read()
        answer.close()
        answer.request = request
        return self.spoil(answer)

    def close(self) -> None:
        self.inner.close()


def _again(answer: httpx.Response, **changes: object) -> httpx.Response:
    headers = [(n, v) for n, v in answer.headers.raw if n.lower() != b"content-length"]
    kept = {"headers": headers, "content": answer.content, "request": answer.request}
    return httpx.Response(answer.status_code, **{**kept, **changes})  # type: ignore[arg-type]


def one_cookie_lost(answer: httpx.Response) -> httpx.Response:
    cookies = answer.headers.get_list("set-cookie")
    if len(cookies) < 2:
        return answer
    return _again(answer, headers={"set-cookie": cookies[-1]})


def bytes_read_as_text(answer: httpx.Response) -> httpx.Response:
    return _again(answer, content=answer.content.decode("utf-8", "replace").encode())


def text_read_as_latin(answer: httpx.Response) -> httpx.Response:
    return _again(
        answer, content=answer.content.decode("utf-8", "ignore").encode("latin-1", "replace")
    )


def redirects_followed(answer: httpx.Response) -> httpx.Response:
    return (
        _again(answer) if answer.status_code != 303 else httpx.Response(200, request=answer.request)
    )


def types_forgotten(answer: httpx.Response) -> httpx.Response:
    return _again(answer, headers={**answer.headers, "content-type": "application/json"})


def own_words_for_too_large(answer: httpx.Response) -> httpx.Response:
    if answer.status_code != 413:
        return answer
    return httpx.Response(413, json={"message": "Request Too Long"}, request=answer.request)


def validators_lost(answer: httpx.Response) -> httpx.Response:
    if "etag" not in answer.headers:
        return answer
    return _again(answer, headers={**answer.headers, "etag": '"other"'})


def head_with_a_body(answer: httpx.Response) -> httpx.Response:
    return _again(answer, content=b"x") if answer.request.method == "HEAD" else answer


def links_without_the_stage(answer: httpx.Response) -> httpx.Response:
    return _again(answer, content=answer.content.replace(b'href="/upload', b'href="upload'))


SPOILS: tuple[Spoil, ...] = (
    one_cookie_lost,
    bytes_read_as_text,
    text_read_as_latin,
    redirects_followed,
    types_forgotten,
    own_words_for_too_large,
    validators_lost,
    head_with_a_body,
    links_without_the_stage,
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.URL]:
    """A door that spoils nothing by itself."""
    with through_uvicorn(tmp_path_factory.mktemp("door")) as client:
        yield client.base_url


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_a_difference_at_one_door_breaks_a_promise(address: httpx.URL, spoil: Spoil) -> None:
    transport = SpoilingTransport(spoil, httpx.HTTPTransport())
    with httpx.Client(transport=transport, base_url=address, timeout=60) as door:
        assert [behaviour.__name__ for behaviour in BEHAVIOURS if _is_broken(behaviour, door)]


def _is_broken(behaviour: Callable[[httpx.Client], None], door: httpx.Client) -> bool:
    try:
        behaviour(door)
    except (AssertionError, KeyError, ValueError):
        return True
    return False
