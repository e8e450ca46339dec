"""Templates and code for CloudFormation, under names made of what they hold."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from ecs.deploy.artifacts import Artifacts, package, parse, zip_folder
from ecs.deploy.cloud import DeploymentFailed
from ecs.deploy.releases import Release
from tests.support import ROOT
from tests.support.cloud.account import NEW, Account

pytestmark = pytest.mark.deploy

IMAGE = f"registry/functions@{NEW}"


def test_the_same_files_are_the_same_zip_file_whenever_they_were_written(tmp_path: Path) -> None:
    for folder, order in (("a", ("x.py", "sub/y.py")), ("b", ("sub/y.py", "x.py"))):
        for name in order:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            os.utime(path, (1_000_000_000 + len(folder), 1_700_000_000))
    assert zip_folder(tmp_path / "a") == zip_folder(tmp_path / "b")
    names = zipfile.ZipFile(io.BytesIO(zip_folder(tmp_path / "a"))).namelist()
    assert names == ["sub/y.py", "x.py"]


def test_every_function_of_the_template_is_given_its_code_or_its_image(account: Account) -> None:
    template = package(parse((ROOT / "template.yaml").read_text()), IMAGE, account.artifacts)
    functions = {
        name: one["Properties"] for name, one in template["Resources"].items()
        if one["Type"] == "AWS::Serverless::Function"
    }  # fmt: skip
    assert {one["ImageUri"] for one in functions.values() if "ImageUri" in one} == {IMAGE}
    codes = {one["CodeUri"] for one in functions.values() if "ImageUri" not in one}
    (code,) = codes
    assert code.startswith(f"s3://{account.artifacts.bucket}/code/")
    layer = template["Resources"]["UpkeepLayer"]["Properties"]["ContentUri"]
    assert layer.startswith("s3://")
    assert layer != code
    assert not any(
        "Metadata" in one for one in template["Resources"].values() if "Code" in str(one)
    )


def test_what_lies_there_is_not_sent_again(account: Account) -> None:
    artifacts = account.artifacts
    key = artifacts.put("code", ".zip", b"the code")
    first = account.cloud.s3.head_object(Bucket=artifacts.bucket, Key=key)["LastModified"]
    assert artifacts.put("code", ".zip", b"the code") == key
    assert account.cloud.s3.head_object(Bucket=artifacts.bucket, Key=key)["LastModified"] == first


def test_a_layer_that_cannot_be_built_stops_the_release(account: Account) -> None:
    artifacts = Artifacts(account.cloud, account.artifacts.bucket)
    with pytest.raises(DeploymentFailed, match="Nonsense cannot be built"):
        artifacts.build("Nonsense")


def test_a_release_is_what_was_written_down(account: Account) -> None:
    planned = account.plans(NEW)
    assert Release.load(account.artifacts, planned.id) == planned


def test_a_release_that_was_never_planned_is_said(account: Account) -> None:
    with pytest.raises(DeploymentFailed, match="begin with the command plan"):
        Release.load(account.artifacts, "never")
