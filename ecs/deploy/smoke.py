"""Whether the site answers as a visitor needs it to, asked from outside by its public address."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin

import httpx

from app.imaging.synthetic import DEMO_SAMPLES, draw_sample
from ecs.deploy.cloud import DeploymentFailed

SECONDS_TO_ANSWER: Final = 180
SECONDS_BETWEEN: Final = 5
STYLE: Final = re.compile(r'href="([^"]+\.css)"')


@dataclass(frozen=True)
class Smoke:
    """``address`` ends with a slash; each question is asked again for a while if it is not met."""

    address: str
    seconds: float = SECONDS_TO_ANSWER
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def check(self) -> list[str]:
        """What was seen, in words; raise ``DeploymentFailed`` if something is not as it must be."""
        with httpx.Client(base_url=self.address, timeout=40, follow_redirects=False) as site:
            return [self._ask(site, question) for question in QUESTIONS]

    def _ask(self, site: httpx.Client, question: Callable[[httpx.Client], str]) -> str:
        end = time.monotonic() + self.seconds
        while True:
            try:
                return question(site)
            except (AssertionError, httpx.RequestError) as error:
                if time.monotonic() > end:
                    what = question.__name__.replace("_", " ").strip()
                    raise DeploymentFailed(
                        f"{self.address} does not pass “{what}”: {error or type(error).__name__}"
                    ) from error
            self.pause(SECONDS_BETWEEN)


def _every_part_is_well(site: httpx.Client) -> str:
    answer = site.get("healthz")
    _expect(answer, httpx.codes.OK)
    return f"healthz: {_member(answer, 'status')}"


def _the_first_page_has_its_style(site: httpx.Client) -> str:
    page = site.get("", headers={"Accept": "text/html"})
    _expect(page, httpx.codes.OK)
    found = STYLE.search(page.text)
    if found is None:
        raise AssertionError("the page names no style")
    try:
        style = site.get(urljoin(str(page.url), found[1]))
    except (ValueError, httpx.InvalidURL) as error:
        raise AssertionError(f"the page names no style that can be asked for: {error}") from error
    _expect(style, httpx.codes.OK)
    return f"the first page and its style: {len(page.content) + len(style.content)} bytes"


def _the_demonstration_is_shown(site: httpx.Client) -> str:
    _expect(site.get("demo", headers={"Accept": "text/html"}), httpx.codes.OK)
    return "the demonstration is shown"


def _a_drawing_is_analysed_and_not_kept(site: httpx.Client) -> str:
    sample = DEMO_SAMPLES[0]
    fields = {"age_years": str(sample.age_years), "keep": "false"}
    files = {"image": ("sample.png", draw_sample(sample), "image/png")}
    answer = site.post(
        "api/drawings", data=fields, files=files, headers={"Accept": "application/json"}
    )
    _expect(answer, httpx.codes.OK)
    _member(answer, "analysis")
    return f"a drawing is analysed in {answer.elapsed.total_seconds():.1f} s"


QUESTIONS: Final = (
    _every_part_is_well,
    _the_first_page_has_its_style,
    _the_demonstration_is_shown,
    _a_drawing_is_analysed_and_not_kept,
)


def _expect(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        raise AssertionError(f"{answer.request.url.path} answered {answer.status_code}")


def _member(answer: httpx.Response, name: str) -> object:
    """A member of the JSON object that was answered."""
    path = answer.request.url.path
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise AssertionError(f"{path} answered no JSON object")  # noqa: TRY004 - of the site
    if name not in document:
        raise AssertionError(f"the answer of {path} has no {name}")
    return document[name]
