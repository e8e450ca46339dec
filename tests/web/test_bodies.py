"""The wish that a drawing be not kept survives whatever happens to the body on its way."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.types import Message, Scope

from tests.conftest import StoredCount
from tests.support.data.bodies import AGE, CATEGORY, DRAWING, IMAGE, TYPE, UNKEPT, Field, body
from tests.support.people.visitors import JSON, Visitor, a_png

WHOLE = body(IMAGE, AGE, UNKEPT)
SHORTEST = len(WHOLE) - len("\r\n")  # that is whole


def sends(visitor: Visitor, content: bytes, query: str = "", **headers: str) -> tuple[int, str]:
    answer = visitor.asks(
        "POST",
        f"/api/drawings{query}",
        headers={**JSON, "Content-Type": TYPE, **headers},
        content=content,
    )
    return answer.status_code, answer.json().get("detail", "")


@pytest.mark.parametrize(
    "content",
    [WHOLE, WHOLE[:SHORTEST], WHOLE + b"\r\n", b"\r\n" + WHOLE, body(UNKEPT, AGE, IMAGE)],
    ids=["as usual", "no line end", "two", "an empty line first", "the wish first"],
)
def test_a_whole_body_is_answered_and_its_wish_heeded(
    visitor: Visitor, stored: StoredCount, content: bytes
) -> None:
    assert sends(visitor, content) == (200, "")
    assert stored() == (0, 0)


def test_a_body_that_is_cut_anywhere_is_refused_and_nothing_is_kept(
    visitor: Visitor, stored: StoredCount
) -> None:
    for length in (*range(1, SHORTEST - 200, 53), *range(SHORTEST - 200, SHORTEST)):
        status, sentence = sends(visitor, WHOLE[:length])
        assert (status, "did not arrive whole" in sentence) == (400, True), length
    assert stored() == (0, 0)


@pytest.mark.parametrize(
    "content",
    [
        body(IMAGE, AGE, end=b""),
        body(IMAGE, AGE, end=b"--B\r\n"),
        body(IMAGE, AGE, end=b"--B-\r\n"),
        body(IMAGE, AGE, end=b"--C--\r\n"),
        body(IMAGE, AGE) + body(UNKEPT),
        body(IMAGE, AGE) + b"Content-Disposition: form-data; name=keep\r\n\r\nfalse",
        body(IMAGE, AGE, ('nom="keep"', b"false")),
        body(IMAGE, AGE, UNKEPT).replace(b"\r\n", b"\n"),
        body(IMAGE, AGE, UNKEPT).replace(b'name="keep"\r\n\r\n', b'name="keep"\r\n'),
        body(AGE, IMAGE, UNKEPT).replace(DRAWING + b"\r\n", DRAWING),
        body(AGE, IMAGE, UNKEPT).replace(DRAWING + b"\r\n--B", DRAWING + b"\r\nB"),
        body(AGE, IMAGE, CATEGORY, UNKEPT).replace(b"house\r\n--B", b"house\n--B"),
        body(),
    ],
    ids=[
        "no end",
        "a part that is not there",
        "half an end",
        "the end of another",
        "the wish behind the end",
        "half of it behind the end",
        "a field without a name",
        "lines of another kind",
        "no line between head and value",
        "the wish behind the pixels of the drawing",
        "a boundary without its dashes",
        "the wish within another field",
        "no part",
    ],
)
def test_a_body_that_is_not_well_formed_is_refused_and_nothing_is_kept(
    visitor: Visitor, stored: StoredCount, content: bytes
) -> None:
    assert sends(visitor, content)[0] == 400
    assert stored() == (0, 0)


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=C"])
def test_a_body_whose_boundary_is_not_the_announced_one_is_refused(
    visitor: Visitor, stored: StoredCount, kind: str
) -> None:
    assert sends(visitor, WHOLE, **{"Content-Type": kind})[0] == 400
    assert stored() == (0, 0)


@pytest.mark.parametrize(
    ("query", "fields", "word"),
    [
        ("?keep=false", (), "in the body"),
        ("?Keep=false", (), "in the body"),
        ("?keep", (), "in the body"),
        ("", (('name="Keep"', b"false"),), "There is no field 'Keep'"),
        ("", (('name="keep "', b"false"),), "There is no field 'keep '"),
        ("", (('name="keep[]"', b"false"),), "There is no field"),
        ("", (('name="store"', b"no"),), "There is no field"),
        ("", (('name="keep"; filename="k"', b"false"),), "as text"),
        ("", (UNKEPT, ('name="keep"', b"true")), "different values"),
        ("", (('name="keep"', b""), UNKEPT), "different values"),
        ("", (('name="keep"', "false".encode("utf-16")),), "true or false"),
        ("", (('name="age_years"', b"7"),), "different values"),
        ("", (IMAGE,), "one at a time"),
        ("", (('name="image"; filename="b.png"', a_png(32)),), "one at a time"),
        ("", (('name="image"', b"text"),), "as a file"),
    ],
    ids=[
        "keep in the address",
        "Keep in the address",
        "a bare keep in the address",
        "Keep",
        "keep and a space",
        "keep as a list",
        "another name for it",
        "keep as a file",
        "keep twice, differently",
        "keep twice, once empty",
        "keep in UTF-16",
        "two ages",
        "one drawing twice",
        "two drawings",
        "a drawing and a text",
    ],
)
def test_what_would_be_overlooked_is_refused_and_nothing_is_kept(
    visitor: Visitor, stored: StoredCount, query: str, fields: tuple[Field, ...], word: str
) -> None:
    status, sentence = sends(visitor, body(IMAGE, AGE, *fields), query)
    assert (status, word in sentence) == (422, True), sentence
    assert stored() == (0, 0)


def test_the_same_wish_said_twice_is_one_wish(visitor: Visitor, stored: StoredCount) -> None:
    assert sends(visitor, body(IMAGE, AGE, UNKEPT, UNKEPT))[0] == 200
    assert stored() == (0, 0)


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "application/json", "", "a/b"]
)
def test_a_body_of_another_type_is_refused(
    visitor: Visitor, stored: StoredCount, kind: str
) -> None:
    status, sentence = sends(visitor, WHOLE, **{"Content-Type": kind})
    assert (status, "as multipart/form-data" in sentence) == (422, True)
    assert stored() == (0, 0)


def test_the_form_says_it_too_and_keeps_what_was_typed(
    visitor: Visitor, stored: StoredCount
) -> None:
    content = body(IMAGE, ('name="age_years"', b"6.25"), ('name="Keep"', b"false"))
    page = visitor.asks("POST", "/upload", headers={"Content-Type": TYPE}, content=content)
    assert (page.status_code, 'value="6.25"' in page.text) == (422, True)
    cut = visitor.asks("POST", "/upload", headers={"Content-Type": TYPE}, content=content[:-9])
    assert (cut.status_code, 'name="image"' in cut.text) == (400, True)
    assert stored() == (0, 0)


def test_a_visitor_who_hangs_up_leaves_nothing_behind(
    visitor: Visitor, stored: StoredCount
) -> None:
    assert hang_up(visitor, WHOLE[:-9]) == 400
    assert stored() == (0, 0)


def hang_up(visitor: Visitor, sent: bytes) -> int:
    """The status that is noted for a request whose connection breaks after ``sent``."""
    messages: Iterator[Message] = iter(
        ({"type": "http.request", "body": sent, "more_body": True}, {"type": "http.disconnect"})
    )
    said: list[Message] = []
    scope: Scope = {
        "type": "http", "method": "POST", "path": "/api/drawings", "query_string": b"",
        "headers": [(b"content-type", TYPE.encode())],
    }  # fmt: skip

    async def receive() -> Message:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        said.append(message)

    async def ask() -> None:
        await visitor.app(scope, receive, send)

    asyncio.run(ask())
    return int(said[0]["status"])
