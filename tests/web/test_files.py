"""Pictures, maps and static files, and how long browsers may keep them."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from app.bootstrap import Services, seed
from tests.support.people.visitors import Visitor, a_png


@pytest.mark.parametrize("link", ["self", "page", "picture", "map"])
def test_nobody_stores_what_belongs_to_one_drawing(visitor: Visitor, link: str) -> None:
    created = visitor.submits(a_png(), age_years="6")
    assert created.headers["cache-control"] == "no-store"
    answer = visitor.opens(created.json()["links"][link])
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


@pytest.mark.parametrize("path", ["/drawings/none", "/drawings/none/picture", "/nowhere"])
def test_nobody_stores_a_refusal(visitor: Visitor, path: str) -> None:
    assert visitor.opens(path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("file", ["picture", "map.png"])
def test_a_file_of_the_demonstration_is_sent_once_and_then_known(
    services: Services, visitor: Visitor, file: str
) -> None:
    seed(services)
    path = f"{visitor.opens('/api/demo').json()['samples'][0]['page_path']}/{file}"
    first = visitor.opens(path)
    assert first.headers["content-type"] == "image/png"
    assert first.headers["cache-control"] == "public, max-age=86400"
    again = visitor.opens(path, if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


def test_a_map_is_as_opaque_as_it_is_bright(visitor: Visitor, services: Services) -> None:
    drawing = visitor.submits(a_png(), age_years="6").json()
    kept = services.stores.blobs.get(f"saliency_maps/{drawing['id']}.png")
    served = Image.open(io.BytesIO(visitor.opens(drawing["links"]["map"]).content))
    seen = np.asarray(served.convert("RGBA"))
    assert (seen[..., 3] == np.asarray(Image.open(io.BytesIO(kept)))).all()
    assert (seen[..., :3] == 255).all()


def test_static_files_have_the_hash_of_their_content_in_their_address(visitor: Visitor) -> None:
    path = re.search(r"/static/site\.[0-9a-f]{12}\.css", visitor.opens("/").text)
    assert path is not None
    response = visitor.opens(path.group())
    assert response.headers["content-type"].startswith("text/css")
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("name", ["site.000000000000.css", "..%2Fdeps.py", "site.css"])
def test_another_address_is_not_found(visitor: Visitor, name: str) -> None:
    assert visitor.opens(f"/static/{name}").status_code == 404
