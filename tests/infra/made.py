"""Writes the stacks that SAM makes of template.yaml, for linters that do not know SAM."""

import json
import sys
from pathlib import Path

from tests.infra.templates import DISK
from tests.support.gateway.stack import translated

ROLES = {"sole": DISK, "none": DISK, "demo": {}}


def main(folder: Path) -> None:
    """One file for each role."""
    folder.mkdir(parents=True, exist_ok=True)
    for role, given in ROLES.items():
        made = {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Resources": translated(ApiRole=role, **given).resources(),
        }
        (folder / f"{role}.json").write_text(json.dumps(made, indent=2))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
