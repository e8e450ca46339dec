"""What a visitor can rely on, whichever door the request came in by: one function a promise."""

import hashlib
import re
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import httpx

from tests.packages.probe import CSV, PDF, SVG
from tests.support import ROOT
from tests.support.data.pictures import a_picture, as_bytes

Behaviour = Callable[[httpx.Client], None]
MIB = 1024 * 1024
BROWSER = {"Accept": "text/html"}
PROGRAM = {"Accept": "application/json"}
PICTURE = as_bytes(a_picture())


def pages_lead_to_each_other_and_to_their_style(door: httpx.Client) -> None:
    home = door.get("/", headers=BROWSER)
    assert (home.status_code, home.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "“" in home.text or "’" in home.text
    shown = home.text + door.get("/demo", headers=BROWSER).text
    addresses = set(re.findall(r'(?:href|src)="([^"#]+)', shown))
    assert sum(address.endswith("/picture") for address in addresses) == 12
    assert {_found(door, address).status_code for address in addresses} == {200}


def an_upload_by_a_browser_leads_to_its_result(door: httpx.Client) -> None:
    answer = _submit(door, "/upload", headers=BROWSER)
    assert (answer.status_code, answer.content) == (303, b"")
    page = _found(door, answer.headers["location"])
    assert "not a diagnosis" in page.text
    shown = re.findall(r'(?:src|href)="([^"]+/(?:picture|map.png))"', page.text)
    assert len(shown) == 2
    for address in shown:
        assert _found(door, address).content.startswith(b"\x89PNG\r\n\x1a\n")


def an_upload_by_a_program_is_created_and_found_again(door: httpx.Client) -> None:
    answer = _submit(door, "/api/drawings", headers=PROGRAM)
    assert answer.status_code == 201
    links = answer.json()["links"]
    assert answer.headers["location"] == links["self"]
    assert _found(door, links["self"]).json() == answer.json()
    picture = _found(door, links["picture"])
    assert picture.headers["content-type"] == "image/png"
    assert int(picture.headers["content-length"]) == len(picture.content)


def a_drawing_is_deleted_by_whoever_has_its_link(door: httpx.Client) -> None:
    ways = (("DELETE", "self", "", 204), ("POST", "page", "/forget", 200))
    for method, link, suffix, status in ways:
        links = _submit(door, "/api/drawings").json()["links"]
        assert door.request(method, _path(door, links[link]) + suffix).status_code == status
        assert door.get(_path(door, links["picture"])).status_code == 404
        again = door.request(method, _path(door, links[link]) + suffix, headers=PROGRAM)
        assert (again.status_code, again.json()["status"]) == (404, 404)


def an_upload_that_is_not_kept_is_answered_at_once(door: httpx.Client) -> None:
    answer = _submit(door, "/api/drawings", keep="false")
    assert (answer.status_code, set(answer.json())) == (200, {"analysis", "map"})


def the_largest_file_is_looked_at_and_one_byte_more_is_refused_by_us(door: httpx.Client) -> None:
    """Which that is the form says; see ``LARGEST_UPLOAD_MB`` of each package."""
    found = re.search(r'data-largest="(\d+)"', door.get("/upload", headers=BROWSER).text)
    assert found
    largest = int(found[1])
    whole = _submit(door, "/api/drawings", b"x" * largest)
    assert (whole.status_code, whole.headers["content-type"]) == (415, "application/problem+json")
    more = _submit(door, "/api/drawings", b"x" * (largest + 1))
    assert more.status_code == 413
    assert more.json()["detail"].startswith(f"The file is larger than {largest // MIB} MB")


def a_refusal_is_a_page_to_people_and_a_problem_to_programs(door: httpx.Client) -> None:
    page = _submit(door, "/upload", b"no picture", headers=BROWSER)
    problem = _submit(door, "/api/drawings", b"no picture")
    assert (page.status_code, problem.status_code) == (415, 415)
    assert page.headers["content-type"].startswith("text/html")
    assert problem.headers["content-type"] == "application/problem+json"
    assert set(problem.json()) == {"type", "title", "status", "detail", "request_id"}


def what_is_not_there_and_what_cannot_be_done_are_said(door: httpx.Client) -> None:
    assert door.get("/nowhere", headers=PROGRAM).json()["status"] == 404
    refused = door.delete("/api/drawings")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def a_defect_is_a_problem_without_its_particulars(door: httpx.Client) -> None:
    answer = door.get("/probe/fails", headers=PROGRAM)
    assert (answer.status_code, answer.json()["status"]) == (500, 500)
    assert "defect" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def another_site_cannot_submit_in_a_visitors_name(door: httpx.Client) -> None:
    for place in ("/upload", "/api/drawings"):
        for told in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            assert _submit(door, place, headers={**BROWSER, **told}).status_code == 403


def two_cookies_come_and_go(door: httpx.Client) -> None:
    set_ = door.get("/probe/cookies").headers.get_list("set-cookie")
    assert [cookie.split(";")[0] for cookie in set_] == ["first=1", "second=2"]
    assert "HttpOnly" in set_[0]
    assert "SameSite=strict" in set_[1]
    door.cookies.clear()
    sent = door.get("/probe/echo", headers={"Cookie": "first=1; second=2"}).json()["cookies"]
    assert sent == {"first": "1", "second": "2"}


def text_and_bytes_arrive_as_they_were_sent(door: httpx.Client) -> None:
    for path, content, kind in (
        ("/probe/picture.svg", SVG.encode(), "image/svg+xml"),
        ("/probe/table.csv", CSV.encode(), "text/csv; charset=utf-8"),
        ("/probe/report.pdf", PDF, "application/pdf"),
    ):
        answer = door.get(path)
        assert (answer.content, answer.headers["content-type"]) == (content, kind)
    assert "h%C3%A4uschen" in door.get("/probe/table.csv").headers["content-disposition"]


def any_body_goes_in_as_it_is(door: httpx.Client) -> None:
    for kind in ("application/octet-stream", "application/json", "text/plain; charset=utf-8"):
        body = bytes(range(256)) if kind.endswith("stream") else '"häuschen ✏"'.encode()
        echo = door.post("/probe/echo", content=body, headers={"Content-Type": kind}).json()
        assert bytes.fromhex(echo["body"]) == body
    assert door.post("/probe/echo").json()["body"] == ""


def letters_of_every_script_survive_in_questions_and_fields(door: httpx.Client) -> None:
    # A REST API hands on the values of each name in their order, but not the names.
    query = [("empty", ""), ("q", "häuschen & ✏ 家"), ("twice", "1"), ("twice", "2+3")]
    echo = door.get(f"/probe/echo?{urlencode(query)}").json()
    assert sorted(map(tuple, echo["query"]), key=lambda pair: pair[0]) == query
    page = _submit(door, "/upload", b"no picture", headers=BROWSER, category="das häuschen 家")
    assert "das häuschen 家" in page.text


def head_is_get_without_its_body(door: httpx.Client) -> None:
    for path in ("/", "/livez", "/upload"):
        head, get = door.head(path), door.get(path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert head.headers["content-type"] == get.headers["content-type"]
    assert door.head("/nowhere").status_code == 404


def what_is_known_already_is_not_sent_again(door: httpx.Client) -> None:
    address = _static_address(door)
    first = _found(door, address)
    again = door.get(_path(door, address), headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def static_files_are_kept_forever_under_names_that_change(door: httpx.Client) -> None:
    address = _static_address(door)
    style = _found(door, address)
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    other = re.sub(r"[0-9a-f]{12}", "0" * 12, _path(door, address))
    assert door.get(other).status_code == 404


def every_answer_binds_the_browser(door: httpx.Client) -> None:
    for path in ("/", "/api/demo", "/nowhere", "/healthz"):
        headers = door.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "uvicorn" not in headers.get("server", "")


def nobody_stores_what_belongs_to_one_drawing(door: httpx.Client) -> None:
    answer = _submit(door, "/api/drawings")
    links = answer.json()["links"]
    answers = [answer, *(_found(door, links[name]) for name in ("self", "page", "picture", "map"))]
    assert {one.headers["cache-control"] for one in answers} == {"no-store"}


def the_documentation_is_there_with_its_picture(door: httpx.Client) -> None:
    index = door.get("/docs", headers=BROWSER).text
    pages = set(re.findall(r'href="([^":]*/docs/[^"#]+)"', index))
    assert len(pages) > 15
    for page in pages:
        _found(door, page)
    picture = door.get("/docs/images/result.png")
    assert _digest(picture.content) == _digest((ROOT / "docs/images/result.png").read_bytes())


def every_part_is_well(door: httpx.Client) -> None:
    health = door.get("/healthz")
    assert health.status_code == 200
    assert health.json()["status"] == "ok"
    assert health.headers["cache-control"] == "no-store"


BEHAVIOURS: tuple[Behaviour, ...] = (
    pages_lead_to_each_other_and_to_their_style,
    an_upload_by_a_browser_leads_to_its_result,
    an_upload_by_a_program_is_created_and_found_again,
    a_drawing_is_deleted_by_whoever_has_its_link,
    an_upload_that_is_not_kept_is_answered_at_once,
    the_largest_file_is_looked_at_and_one_byte_more_is_refused_by_us,
    a_refusal_is_a_page_to_people_and_a_problem_to_programs,
    what_is_not_there_and_what_cannot_be_done_are_said,
    a_defect_is_a_problem_without_its_particulars,
    another_site_cannot_submit_in_a_visitors_name,
    two_cookies_come_and_go,
    text_and_bytes_arrive_as_they_were_sent,
    any_body_goes_in_as_it_is,
    letters_of_every_script_survive_in_questions_and_fields,
    head_is_get_without_its_body,
    what_is_known_already_is_not_sent_again,
    static_files_are_kept_forever_under_names_that_change,
    every_answer_binds_the_browser,
    nobody_stores_what_belongs_to_one_drawing,
    the_documentation_is_there_with_its_picture,
    every_part_is_well,
)


def _submit(
    door: httpx.Client,
    path: str,
    image: bytes = PICTURE,
    headers: dict[str, str] | None = None,
    **fields: str,
) -> httpx.Response:
    return door.post(
        path,
        files={"image": ("häuschen.png", image, "image/png")},
        data={"age_years": "6.5", **fields},
        headers=headers or PROGRAM,
    )


def _static_address(door: httpx.Client) -> str:
    found = re.search(r'href="([^"]+\.css)"', door.get("/").text)
    assert found
    return found.group(1)


def _found(door: httpx.Client, address: str) -> httpx.Response:
    """What lies at an address of this site, as a browser at this door would ask for it."""
    answer = door.get(_path(door, address))
    assert answer.status_code == 200, (address, answer.status_code)
    return answer


def _path(door: httpx.Client, address: str) -> str:
    """Absolute addresses begin with the stage, which the client's own address holds too."""
    prefix = urlsplit(str(door.base_url)).path.rstrip("/")
    assert address.startswith(f"{prefix}/"), f"{address} leads out of {prefix}"
    return address[len(prefix) :]


def _digest(content: bytes) -> str:
    """What stands for a picture where two differ: the bytes would take minutes to lay out."""
    return hashlib.sha256(content).hexdigest()
