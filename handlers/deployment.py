"""CloudFormation's question before it replaces the site: has the database this release's schema?"""

import json
import os
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from app.bootstrap import prepare
from app.environment import Settings
from app.errors import SketchnormError, StorageUnavailable


def answer(event: dict[str, Any]) -> dict[str, Any]:
    """Migrate, and tell; without an answer a deployment would wait for an hour.

    One that is rolled back asks the release before, whose database is then a step ahead of it.
    That is well, and so is a stack that is deleted: its database stays.
    """
    told = {name: event[name] for name in ("RequestId", "StackId", "LogicalResourceId")}
    told |= {"PhysicalResourceId": "schema", "Status": "FAILED", "Reason": "See the log."}
    try:
        if event["RequestType"] != "Delete":
            prepare(Settings.load(os.environ, Path.cwd()))
        told |= {"Status": "SUCCESS", "Reason": "The database has a schema for this release."}
    except StorageUnavailable as error:
        told["Reason"] = error.advice
    except SketchnormError as error:
        told["Reason"] = str(error)
    finally:
        _send(event["ResponseURL"], json.dumps(told).encode())
    return told


def _send(url: str, body: bytes) -> None:
    """The address is CloudFormation's, and signed for a body without a type."""
    request = Request(url, body, {"Content-Type": ""}, method="PUT")  # noqa: S310
    urlopen(request, timeout=30).close()  # noqa: S310
