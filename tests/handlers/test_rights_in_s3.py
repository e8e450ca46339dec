"""The scheduled functions do their work with the rights in the bucket that the template gives them.

The server knows no rights as narrow as those to delete, so retention's are not tried here.
"""

import json
from pathlib import Path

import pytest
from boto3.session import Session
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from app.backups.drills import RECORD
from handlers import backup, restore_drill
from tests.infra.templates import Templates
from tests.support.people.operators import Operator
from tests.support.stores.s3_server import BUCKET, REGION, S3Server

pytestmark = pytest.mark.servers


@pytest.fixture
def bucket(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The bucket of a production database."""
    operator = Operator.with_a_site(tmp_path / "site", "production")
    settings = {
        "ENVIRONMENT": "production", "S3_BUCKET_NAME": BUCKET, "AWS_REGION": REGION,
        "DATABASE_URL": f"sqlite:///{operator.database}", "SECRET_MANAGER_ENABLED": "false",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return s3


def be(name: str, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in s3.environ(name).items():
        monkeypatch.setenv(variable, value)


def test_the_backup_writes_below_backups_and_the_drill_its_record_alone(
    bucket: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    be("BACKUP", bucket, monkeypatch)
    made = backup.handler({}, None)
    assert made["copied"] is True
    be("DRILL", bucket, monkeypatch)
    assert restore_drill.handler({}, None)["backup"] == made["backup"]
    client = Session(region_name=REGION).client("s3", endpoint_url=bucket.url)
    assert (
        json.loads(client.get_object(Bucket=BUCKET, Key=RECORD)["Body"].read())["problem"] is None
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=BUCKET, Key=f"backups/{made['backup']}.json", Body=b"x")


@pytest.mark.parametrize("name", ["BACKUP", "DRILL"])
def test_neither_may_touch_drawings(
    bucket: S3Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    be(name, bucket, monkeypatch)
    client = Session(region_name=REGION).client("s3", endpoint_url=bucket.url)
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=BUCKET, Key="drawings/one", Body=b"x")


ACTIONS = {"ListObjectsV2": "s3:ListBucket", "HeadObject": "s3:GetObject"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The actions that the rest of the test asks of S3."""
    seen: set[str] = set()
    call = BaseClient._make_api_call  # type: ignore[attr-defined] # all methods go by it

    def noting(client: BaseClient, operation: str, parameters: dict[str, object]) -> object:
        seen.add(ACTIONS.get(operation, f"s3:{operation}"))
        return call(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", noting)
    return seen


def test_the_backup_and_the_drill_use_every_right_that_they_have_in_s3(
    bucket: S3Server, monkeypatch: pytest.MonkeyPatch, asked: set[str]
) -> None:
    sole = Templates.read().sole
    for name, function in (("BACKUP", "BackupFunction"), ("DRILL", "RestoreDrillFunction")):
        be(name, bucket, monkeypatch)
        asked.clear()
        (backup if name == "BACKUP" else restore_drill).handler({}, None)
        allowed = {action for action, _ in sole.allowed(function) if action.startswith("s3:")}
        assert asked == allowed, function
