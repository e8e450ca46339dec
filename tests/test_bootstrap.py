"""The parts of an app, put together as the settings say."""

import subprocess
import sys
from dataclasses import replace

import pytest

from app.bootstrap import Services, assemble
from app.environment import Settings
from app.errors import ConfigurationError
from app.storage.database import Database
from app.web.app import create_app
from tests.support.data.analyzers import FakeAnalyzer
from tests.support.people.visitors import Visitor, a_png
from tests.support.stores.s3_server import S3Server
from tests.support.stores.sites import in_s3, open_services


def test_boto3_is_imported_where_storage_is_in_s3_and_nowhere_else() -> None:
    code = (
        "import sys, app.bootstrap; "
        "print([n for n in ('boto3', 'botocore.client') if n in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_drawings_are_kept_in_s3(settings: Settings, s3: S3Server, analyzer: FakeAnalyzer) -> None:
    with open_services(in_s3(settings), analyzer) as services:
        visitor = Visitor(create_app(services))
        drawing = visitor.submits(a_png(), age_years="6").json()
        health = visitor.opens("/healthz").json()
    assert "warning" not in drawing
    assert sorted(s3.keys()) == [
        ".environment.json",
        f"drawings/{drawing['id']}",
        f"saliency_maps/{drawing['id']}.png",
    ]
    assert (health["store"], health["spool"]) == ("ok", {"status": "ok", "waiting": 0})


def test_a_database_without_tables_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="sketchnorm migrate"):
        assemble(settings, FakeAnalyzer)


def read_only(settings: Settings) -> Settings:
    config = replace(settings.environment, read_only=True)
    return replace(settings, environment=config, keep_uploads=False)


def test_a_read_only_database_is_served_and_uploads_are_answered_without_keeping(
    services: Services, settings: Settings
) -> None:
    services.stores.database.close()
    folder = settings.data_dir
    seeded, names = (folder / "sketchnorm.sqlite3").read_bytes(), set(folder.iterdir())
    demo = assemble(read_only(settings), FakeAnalyzer)
    visitor = Visitor(create_app(demo))
    assert visitor.opens("/").status_code == 200
    assert visitor.submits(a_png(), age_years="6").status_code == 200
    assert visitor.opens("/healthz").json()["status"] == "ok"
    demo.stores.database.close()
    assert (folder / "sketchnorm.sqlite3").read_bytes() == seeded
    assert set(folder.iterdir()) == names


def test_a_read_only_database_of_another_schema_is_refused(settings: Settings) -> None:
    config = settings.environment
    Database.open(config.database_url, config.environment).close()
    with pytest.raises(ConfigurationError, match="sketchnorm migrate"):
        assemble(read_only(settings), FakeAnalyzer)
