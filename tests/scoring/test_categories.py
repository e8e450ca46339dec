import pytest

from app.scoring.assessment import nearest_names

KNOWN = ("airplane", "bike", "cat", "couch", "house", "ice cream", "keys", "phone", "tree")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("houses", ("house",)),
        ("Hause", ("house",)),
        ("sofa", ("couch",)),
        ("icecream", ("ice cream",)),
        ("key", ("keys",)),
        ("my big house and a tree", ("house", "tree")),
        ("telephone", ("phone",)),
        ("submarine", ()),
        ("", ()),
    ],
)
def test_the_nearest_names_mean_the_same_or_are_spelled_alike(
    name: str, nearest: tuple[str, ...]
) -> None:
    assert nearest_names(name, KNOWN) == nearest


def test_three_names_at_most_are_given() -> None:
    assert len(nearest_names("cat house tree phone keys", KNOWN)) == 3
