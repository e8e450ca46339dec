"""The folder docs/ on the site: all of it is shown, every link leads somewhere, nothing else is."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from posixpath import join, normpath
from urllib.parse import urljoin, urlsplit

import pytest

from app.bootstrap import Services
from app.web.app import create_app
from app.web.documentation import FOLDER, Documentation, DocumentFile
from app.web.front import Front
from tests.support import ROOT
from tests.support.people.visitors import Visitor
from tests.web.test_security import INLINE

SOURCE = "https://github.com/owner/sketchnorm"
FILES = sorted(Documentation.find().files.values(), key=lambda file: file.name)
PAGES = [file for file in FILES if file.is_page]
EVERY_PAGE = pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)


@dataclass
class Seen(HTMLParser):
    """What a browser finds in a page: addresses, anchors and tags."""

    addresses: list[str] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, html: str) -> "Seen":
        seen = cls()
        HTMLParser.__init__(seen)
        seen.feed(html)
        return seen

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("href", "src") and value is not None:
                self.addresses.append(value)
            if name == "id" and value is not None:
                self.anchors.append(value)


def address(file: DocumentFile, root: str = "") -> str:
    return f"{root}/docs/{file.address}".rstrip("/")


def relative_links(text: str) -> Iterator[str]:
    """Those of Markdown that do not lead to another site."""
    without_code = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code):
        if not urlsplit(link).scheme:
            yield link


@pytest.fixture(scope="module")
def anchors() -> dict[str, set[str]]:
    """Of every page, by its name in docs/."""
    documentation = Documentation.find()
    return {file.name: set(Seen.of(documentation.page(file, "").html).anchors) for file in PAGES}


def test_all_that_is_in_the_folder_is_shown(visitor: Visitor) -> None:
    names = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert names == {file.name for file in FILES}
    assert {visitor.opens(address(file)).status_code for file in FILES} == {200}


@EVERY_PAGE
def test_a_page_is_a_whole_page_that_the_policy_lets_be(
    file: DocumentFile, visitor: Visitor
) -> None:
    answer = visitor.opens(address(file))
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    seen = Seen.of(answer.text)
    assert (seen.tags.count("h1"), seen.tags.count("html")) == (1, 1)
    assert len(seen.anchors) == len(set(seen.anchors))
    assert re.search(r"<title>\w.* – Sketchnorm</title>", answer.text)
    whole_tags = " ".join(re.findall(r"<[^>]+>", answer.text))
    assert [rule for rule in INLINE if re.search(rule, whole_tags, re.IGNORECASE)] == []


@EVERY_PAGE
def test_every_link_of_a_page_leads_to_what_there_is(file: DocumentFile, visitor: Visitor) -> None:
    here = address(file)
    for link in Seen.of(visitor.opens(here).text).addresses:
        target = urlsplit(urljoin(here, link))
        if target.scheme:
            assert target.scheme in ("http", "https"), link
            continue
        found = visitor.opens(target.path)
        assert found.status_code == 200, link
        if target.fragment:
            assert target.fragment in Seen.of(found.text).anchors, link


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *(file.path for file in PAGES if file.path.suffix == ".md")],
    ids=lambda path: path.name,
)  # fmt: skip
def test_every_relative_link_in_markdown_leads_to_a_file(
    path: Path, anchors: dict[str, set[str]]
) -> None:
    folder = path.parent.relative_to(ROOT).as_posix()
    for link in relative_links(path.read_text(encoding="utf-8")):
        target = urlsplit(link)
        name = normpath(join(folder, target.path)) if target.path else path.relative_to(ROOT)
        assert (ROOT / name).exists(), link
        if target.fragment:
            assert target.fragment in anchors[str(name).removeprefix("docs/")], link


def test_the_index_leads_to_every_page(visitor: Visitor) -> None:
    listed = set(Seen.of(visitor.opens("/docs").text).addresses)
    assert {address(file) for file in PAGES} <= listed


def test_every_page_leads_to_the_index(visitor: Visitor) -> None:
    for path in ("/", "/upload", "/nowhere"):
        assert "/docs" in Seen.of(visitor.opens(path).text).addresses


def test_links_begin_with_what_the_site_is_reached_under(services: Services) -> None:
    visitor = Visitor(create_app(services, front=Front("https://example.org/sketch")))
    links = Seen.of(visitor.opens("/sketch/docs/operations").text).addresses
    assert "/sketch/docs/backups" in links
    assert [link for link in links if link.startswith("/docs")] == []


def test_links_into_the_code_lead_to_its_source(services: Services) -> None:
    visitor = Visitor(create_app(replace(services, source_url=SOURCE)))
    assert f'href="{SOURCE}/blob/HEAD/app/main.py"' in visitor.opens("/docs/developing").text


def test_without_a_source_links_into_the_code_are_text(visitor: Visitor) -> None:
    page = visitor.opens("/docs/developing").text
    assert "<td>app/main.py, bootstrap.py, stores.py</td>" in page


def test_raw_html_in_markdown_is_text(tmp_path: Path) -> None:
    text = '# A <b>title</b>\n\n<script src="x"></script>\n\n[here](javascript:alert(1)) <i>it</i>'
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    documentation = Documentation.find(folder=tmp_path)
    page = documentation.page(documentation.file("page"), "")
    assert Seen.of(page.html).tags == ["p", "p"]
    assert page.title == "A <b>title</b>"


def test_equal_headings_have_anchors_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("# A\n## Is it *well*?\n## Is it well?", encoding="utf-8")
    documentation = Documentation.find(folder=tmp_path)
    page = documentation.page(documentation.file("page"), "")
    assert page.sections == {"is-it-well": "Is it well?", "is-it-well-1": "Is it well?"}


@pytest.mark.parametrize(
    "path",
    [
        "/docs/../README", "/docs/..%2FREADME", "/docs/%2e%2e/CITATION.cff", "/docs/database.md",
        "/docs/database.html", "/docs/database%00", "/docs/database%00.md", "/docs/evaluation",
        "/docs/evaluation/", "/docs/evaluation/report.html", "/docs/images", "/docs/README",
        "/docs/evaluation/../../app/main.py", "/docs/evaluation%2F..%2Frights", "/docs//database",
        "/docs/Database", "/docs/%2Fetc%2Fpasswd", "/docs/..%5Capp", "/docs/a/b/c", "/docs/none",
    ],
)  # fmt: skip
def test_any_other_address_is_not_found(path: str, visitor: Visitor) -> None:
    answer = visitor.opens(f"http://test{path}")
    if answer.is_redirect:  # of a slash too many, which is taken off
        answer = visitor.opens(answer.headers["location"])
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "media_type", "seconds"),
    [
        ("/docs", "text/html; charset=utf-8", 300),
        ("/docs/evaluation/report", "text/html; charset=utf-8", 300),
        ("/docs/images/result.png", "image/png", 86400),
        ("/docs/evaluation/report.json", "application/json", 86400),
        ("/docs/recipe.toml", "text/plain; charset=utf-8", 86400),
    ],
)
def test_what_is_shown_is_sent_once_and_then_known(
    path: str, media_type: str, seconds: int, visitor: Visitor
) -> None:
    first = visitor.opens(path)
    assert first.headers["content-type"] == media_type
    assert first.headers["cache-control"] == f"public, max-age={seconds}"
    again = visitor.opens(path, if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_a_page_is_rendered_once(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("# A", encoding="utf-8")
    documentation = Documentation.find(folder=tmp_path)
    file = documentation.file("page")
    first = documentation.page(file, "")
    file.path.unlink()
    assert documentation.page(file, "") is first


def test_the_report_is_shown_with_its_figures_and_targets(visitor: Visitor) -> None:
    page = visitor.opens("/docs/evaluation/report").text
    assert page.count("<figure>") == page.count("<svg ") == 3
    assert "<title>Evaluation – Sketchnorm</title>" in page


def test_a_start_does_not_import_what_renders_pages() -> None:
    code = "import sys, app.main; print('markdown_it' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


def test_relative_names_are_found_from_a_folder() -> None:
    """As the model card has them, which lies in one."""
    documentation = Documentation.find()
    card = documentation.page(documentation.file("evaluation/model_card"), "/stage").html
    assert {"/stage/docs/rights", "/stage/docs/evaluation/report"} <= set(Seen.of(card).addresses)
