"""What CloudFormation reads from the artifacts' bucket: templates, and the code of zip functions.

Each lies under a name made of what it holds, so the same code is uploaded once, and a rollback
finds the templates of the release before.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError
from samcli.yamlhelper import yaml_parse

from ecs.deploy.cloud import Cloud, DeploymentFailed

ROOT: Final = Path(__file__).parents[2]
THE_BEGINNING: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file knows
Template = dict[str, Any]


def _built(name: str) -> bytes:
    """A function's code, or the layer, as the Makefile builds it for ``sam build``, zipped."""
    with tempfile.TemporaryDirectory() as folder:
        _make(name, Path(folder))
        return zip_folder(Path(folder))


def _make(name: str, folder: Path) -> None:
    environ = {**os.environ, "ARTIFACTS_DIR": str(folder)}
    command = ["make", f"build-{name}", f"VENV={sys.prefix}"]
    done = subprocess.run(  # noqa: S603 - names of our own template
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DeploymentFailed(f"{name} cannot be built: {done.stderr.strip()[-500:]}")


def zip_folder(folder: Path) -> bytes:
    """The same bytes for the same files, whenever and by whomever they were written."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(path.relative_to(folder)), THE_BEGINNING)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if os.access(path, os.X_OK) else 0o644) << 16
            archive.writestr(entry, path.read_bytes())
    return content.getvalue()


@dataclass(frozen=True)
class Artifacts:
    """A bucket; everything in it is the operator's alone. ``build`` makes a function's zip file."""

    cloud: Cloud
    bucket: str
    build: Callable[[str], bytes] = field(default=_built, repr=False)

    def put(self, kind: str, suffix: str, content: bytes) -> str:
        """The key; nothing is sent if it lies there already."""
        key = f"{kind}/{hashlib.sha256(content).hexdigest()}{suffix}"
        if not self.has(key):
            self.cloud.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return key

    def put_template(self, text: str) -> str:
        """The address that CloudFormation is told."""
        key = self.put("templates", ".template", text.encode())
        return f"{self.cloud.s3.meta.endpoint_url}/{self.bucket}/{key}"

    def has(self, key: str) -> bool:
        try:
            self.cloud.s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return False
            raise
        return True

    def write(self, key: str, document: dict[str, Any]) -> None:
        """Put JSON under a name of its own."""
        text = json.dumps(document, indent=1)
        self.cloud.s3.put_object(Bucket=self.bucket, Key=key, Body=text.encode())

    def read(self, key: str) -> dict[str, Any]:
        """Raise ``DeploymentFailed`` if there is no such document."""
        try:
            body = self.cloud.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                raise DeploymentFailed(
                    f"There is no {key} in the bucket {self.bucket}: begin with the command plan."
                ) from error
            raise
        document: dict[str, Any] = json.loads(body)
        return document


def parse(text: str) -> Template:
    """A template with its short forms (``!Ref``) written out."""
    template: Template = yaml_parse(text)
    return template


def package(template: Template, image: str, artifacts: Artifacts) -> Template:
    """The template of ``template.yaml`` with addresses instead of folders of this machine.

    Raise ``DeploymentFailed`` if a function or the layer cannot be built.
    """
    code: list[str] = []
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function" if properties.get("PackageType") == "Image":
                properties["ImageUri"] = image
                resource.pop("Metadata", None)
            case "AWS::Serverless::Function":
                # All zip functions have the same code.
                code = code or [_put_built(name, artifacts)]
                properties["CodeUri"] = code[0]
                resource.pop("Metadata", None)
            case "AWS::Serverless::LayerVersion":
                properties["ContentUri"] = _put_built(name, artifacts)
                resource.pop("Metadata", None)
    return template


def _put_built(name: str, artifacts: Artifacts) -> str:
    key = artifacts.put("code", ".zip", artifacts.build(name))
    return f"s3://{artifacts.bucket}/{key}"
