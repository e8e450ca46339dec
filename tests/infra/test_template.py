"""What the template promises, read from it: who writes, what is scheduled, what is kept out."""

from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    template = yaml_parse((ROOT / "template.yaml").read_text())
    found: dict[str, Any] = template["Resources"]
    return found


def functions(resources: dict[str, Any]) -> dict[str, Any]:
    kind = "AWS::Serverless::Function"
    return {name: part["Properties"] for name, part in resources.items() if part["Type"] == kind}


def test_only_the_sole_writer_mounts_the_disk_and_grows_no_further_than_its_lock(
    resources: dict[str, Any],
) -> None:
    api = functions(resources)["ApiFunction"]
    for part in ("FileSystemConfigs", "VpcConfig"):
        condition, _, otherwise = api[part]["Fn::If"]
        assert (condition, otherwise) == ("ApiIsSole", {"Ref": "AWS::NoValue"})
    condition, sole, others = api["ReservedConcurrentExecutions"]["Fn::If"]
    assert (condition, others) == ("ApiIsSole", {"Ref": "AWS::NoValue"})
    assert sole <= 5


def test_the_demo_door_is_read_only(resources: dict[str, Any]) -> None:
    variables = functions(resources)["ApiFunction"]["Environment"]["Variables"]
    assert variables["READ_ONLY"] == {"Fn::If": ["ApiIsDemo", "true", "false"]}


def test_every_body_may_be_binary(resources: dict[str, Any]) -> None:
    assert resources["Api"]["Type"] == "AWS::Serverless::Api"
    assert resources["Api"]["Properties"]["BinaryMediaTypes"] == ["*~1*"]


def test_functions_run_where_the_model_runs_and_none_outgrows_its_gateway(
    resources: dict[str, Any],
) -> None:
    for properties in functions(resources).values():
        assert properties["Architectures"] == ["x86_64"]
        assert properties["ReservedConcurrentExecutions"]
    assert functions(resources)["ApiFunction"]["Timeout"] < 29


def test_backups_are_made_every_six_hours_and_drilled_every_week(resources: dict[str, Any]) -> None:
    schedules = {
        name: properties["Events"]["Schedule"]["Properties"]["Schedule"]
        for name, properties in functions(resources).items()
        if "Schedule" in properties.get("Events", {})
    }
    assert schedules["BackupFunction"] == "rate(6 hours)"
    assert schedules["RestoreDrillFunction"] == "rate(7 days)"


def test_only_where_lambda_writes_do_functions_change_the_database(
    resources: dict[str, Any],
) -> None:
    for name in ("RetentionFunction", "MigrateFunction"):
        assert resources[name]["Condition"] == "ApiIsSole"


def test_what_only_reads_the_database_may_not_write_to_its_disk(resources: dict[str, Any]) -> None:
    for name in ("BackupFunction", "RestoreDrillFunction"):
        _, disk = functions(resources)[name]["Policies"]
        assert disk["Statement"][0]["Action"] == "elasticfilesystem:ClientMount"


def test_every_handler_that_is_named_is_there(resources: dict[str, Any]) -> None:
    handlers = [p["Handler"] for p in functions(resources).values() if "Handler" in p]
    assert handlers
    for module, _, name in (handler.rpartition(".") for handler in handlers):
        code = (ROOT / f"{module.replace('.', '/')}.py").read_text()
        assert f"def {name}(" in code
        assert len(code.splitlines()) < 40
