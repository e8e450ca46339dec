"""The folder ``docs/`` as the site shows it: Markdown and the evaluation's report as pages.

Raw HTML in Markdown is shown as text. The report is ours and is shown in the frame of the other
pages, without the style that it has for itself: the content security policy forbids that.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from markupsafe import Markup

from app.errors import NotFound

# Markdown-it is imported when the first page is rendered: that takes longer than the rest of this
# module, and most processes never render one.
if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

FOLDER: Final = Path(__file__).parents[2] / "docs"
INDEX: Final = "README.md"
PAGES: Final = frozenset({".md", ".html"})
TYPES: Final = {
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".toml": "text/plain",
}
HEADING: Final = 3  # tokens: it is opened, its text, it is closed
NO_SUCH_PAGE: Final = "There is no such page of the documentation; see the list of all of them."


@dataclass(frozen=True)
class DocumentFile:
    """One file; ``name`` is its path in the folder."""

    name: str
    path: Path = field(repr=False)

    @property
    def address(self) -> str:
        """Below ``/docs``: pages have no suffix, and the index none at all."""
        if self.name == INDEX:
            return ""
        return posixpath.splitext(self.name)[0] if self.is_page else self.name

    @property
    def is_page(self) -> bool:
        """Whether it is shown as a page; any other file is sent as it is."""
        return self.path.suffix in PAGES

    @property
    def media_type(self) -> str:
        """The type of a file that is sent as it is."""
        return TYPES[self.path.suffix]


@dataclass(frozen=True)
class Page:
    """``html`` is what follows the title; ``sections`` are the headings of level 2 by anchor."""

    title: str
    html: Markup = field(repr=False)
    sections: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Documentation:
    """The files of the folder, found once; an address that is not among theirs is not looked up.

    ``source_url`` is the repository's address, which links to other files lead to. Without one
    their text stays.
    """

    files: Mapping[str, DocumentFile]
    source_url: str | None = None
    _pages: dict[tuple[str, str], Page] = field(default_factory=dict, repr=False)

    @classmethod
    def find(cls, source_url: str | None = None, folder: Path = FOLDER) -> Self:
        """List the files that can be shown; none if there is no such folder."""
        shown = [path for path in sorted(folder.rglob("*")) if path.suffix in PAGES | {*TYPES}]
        files = [DocumentFile(path.relative_to(folder).as_posix(), path) for path in shown]
        return cls({file.name: file for file in files}, source_url)

    def file(self, address: str) -> DocumentFile:
        """Raise ``NotFound`` if nothing of the folder is shown there."""
        for file in self.files.values():
            if file.address == address:
                return file
        raise NotFound(NO_SUCH_PAGE)

    def page(self, file: DocumentFile, root: str) -> Page:
        """Render it, once for each ``root`` that links begin with."""
        key = (file.name, root)
        if key not in self._pages:
            text = file.path.read_text(encoding="utf-8")
            is_report = file.path.suffix == ".html"
            self._pages[key] = (
                _body(text) if is_report else _render(text, _Links(self, file.name, root))
            )
        return self._pages[key]


@dataclass(frozen=True)
class _Links:
    """Where the links of the file called ``name`` lead on the site."""

    documentation: Documentation
    name: str
    root: str

    def target(self, link: str) -> str | None:
        """``None`` for a file that is shown nowhere."""
        parts = urlsplit(link)
        if parts.scheme or not parts.path:
            return link
        name = posixpath.normpath(posixpath.join(posixpath.dirname(self.name), parts.path))
        anchor = f"#{parts.fragment}" if parts.fragment else ""
        file = self.documentation.files.get(name)
        if file is not None:
            return f"{self.root}/docs/{file.address}".rstrip("/") + anchor
        if self.documentation.source_url is None:
            return None
        in_repository = posixpath.normpath(posixpath.join("docs", name))
        return f"{self.documentation.source_url.rstrip('/')}/blob/HEAD/{in_repository}{anchor}"


def _body(html: str) -> Page:
    body = html.partition("<body>")[2].partition("</body>")[0]
    before, title, after = re.split("<h1>(.+?)</h1>", body, maxsplit=1)
    return Page(unescape(title), Markup(before + after))  # noqa: S704 - a file of our own


def _render(text: str, links: _Links) -> Page:
    parser = _parser()
    tokens = parser.parse(text)
    sections = _name_headings(tokens)
    title, tokens = _take_title(tokens)
    for token in tokens:
        if token.type == "th_open":
            token.attrSet("scope", "col")
        if token.children is not None:
            token.children = list(_lead(token.children, links))
    html = parser.renderer.render(tokens, parser.options, {})
    return Page(title, Markup(html), sections)  # noqa: S704 - the parser escapes what is text


def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    # A wide table is scrolled by itself, or a telephone would have to scroll the whole page.
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", _close_table)
    return parser


def _open_table(*_: object) -> str:
    return '<div class="wide"><table>\n'


def _close_table(*_: object) -> str:
    return "</table></div>\n"


def _take_title(tokens: list["Token"]) -> tuple[str, list["Token"]]:
    """The heading of level 1 that a page begins with, as text, and what follows it."""
    if len(tokens) < HEADING or tokens[0].tag != "h1":
        return "", tokens
    return _text(tokens[1]), tokens[HEADING:]


def _text(inline: "Token") -> str:
    return "".join(child.content for child in inline.children or ())


def _name_headings(tokens: list["Token"]) -> dict[str, str]:
    """Give each heading the anchor that it has at GitHub; the sections by theirs."""
    sections, taken = dict[str, str](), list[str]()
    for opened, inline in pairwise(tokens):
        if opened.type != "heading_open":
            continue
        text = _text(inline)
        slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        anchor = f"{slug}-{taken.count(slug)}" if slug in taken else slug
        taken.append(slug)
        opened.attrSet("id", anchor)
        if opened.tag == "h2":
            sections[anchor] = text
    return sections


def _lead(tokens: list["Token"], links: _Links) -> Iterator["Token"]:
    """Put addresses of the site into links and pictures; leave out links that lead nowhere."""
    left_out = False
    for token in tokens:
        attribute = {"link_open": "href", "image": "src"}.get(token.type)
        target = links.target(str(token.attrs[attribute])) if attribute else None
        if attribute and target is not None:
            token.attrSet(attribute, target)
        if token.type == "link_open":
            left_out = target is None
        if not (left_out and token.type in ("link_open", "link_close")):
            yield token
