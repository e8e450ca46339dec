"""The month moves as the price file says, and holds whatever happens within demo use."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.costs.month import Deployment, Prices, month, total
from app.costs.templates import Stack
from app.costs.usage import DEMO, DEMO_REQUESTS, DEMO_STORED_GB, Usage
from app.costs.ways import USUAL, Templates, bill, ways
from app.errors import ConfigurationError, InvalidRequest
from app.telemetry import MOST_METRICS, Metric
from tests.support import ROOT

PRICES: Final = Prices.read()
TEMPLATES: Final = Templates.read(ROOT)
WAYS: Final = dict(ways(TEMPLATES, len(Metric)))
MOST: Final = 36.0
HOURS: Final = 730


def costs(deployment: Deployment, usage: Usage = DEMO) -> float:
    return total(month(deployment, usage, PRICES))


def with_task(**changed: str) -> Deployment:
    return edited(lambda resources: resources["Task"]["Properties"].update(changed))


def with_resource(kind: str, **properties: str | list[str]) -> Deployment:
    added = {"Type": kind, "Properties": properties}
    return edited(lambda resources: resources.update(Added=added))


def edited(change: Callable[[dict[str, Any]], Any]) -> Deployment:
    """The usual way, with something changed where the task is."""
    usual = WAYS[USUAL]
    stacks = []
    for one in usual.stacks:
        template = deepcopy(one.template)
        if "Task" in template["Resources"]:
            change(template["Resources"])
        stacks.append(Stack(template, one.parameters))
    return replace(usual, stacks=tuple(stacks))


def test_demo_use_costs_20_dollars_at_most() -> None:
    assert 10 < costs(WAYS[USUAL]) <= 20


@pytest.mark.parametrize(("cpu", "memory", "factor"), [("128", "256", 0.5), ("512", "1024", 2)])
def test_half_a_task_costs_half_and_two_cost_two(cpu: str, memory: str, factor: float) -> None:
    one = HOURS * (0.25 * 0.04048 + 0.5 * 0.004445)
    moved = costs(with_task(Cpu=cpu, Memory=memory)) - costs(WAYS[USUAL])
    assert moved == pytest.approx((factor - 1) * one)


def test_arm_is_as_much_cheaper_as_its_prices() -> None:
    one = HOURS * (0.25 * (0.04048 - 0.03238) + 0.5 * (0.004445 - 0.00356))
    assert costs(WAYS[USUAL]) - costs(WAYS["Fargate, arm64"]) == pytest.approx(one)


def test_a_nat_costs_its_hours_and_its_bytes() -> None:
    moved = costs(with_resource("AWS::EC2::NatGateway")) - costs(WAYS[USUAL])
    assert moved == pytest.approx(HOURS * 0.045 + DEMO.sent_gb * 0.045)


def test_a_load_balancer_costs_its_hours_and_its_bytes() -> None:
    balancer = with_resource("AWS::ElasticLoadBalancingV2::LoadBalancer")
    moved = costs(balancer) - costs(WAYS[USUAL])
    assert moved == pytest.approx(HOURS * 0.0225 + DEMO.sent_gb * 0.008)


def test_a_metric_beyond_the_free_ones_costs_30_cents() -> None:
    ten, eleven = (replace(WAYS[USUAL], metrics=count) for count in (10, 11))
    assert costs(eleven) - costs(ten) == pytest.approx(0.30)
    assert costs(replace(WAYS[USUAL], metrics=9)) == costs(ten)


def test_an_alarm_beyond_the_free_ones_costs_10_cents() -> None:
    moved = costs(with_resource("AWS::CloudWatch::Alarm")) - costs(WAYS[USUAL])
    assert moved == pytest.approx(0.10)


def test_the_page_of_metrics_says_what_they_cost() -> None:
    page = (ROOT / "docs" / "usage.md").read_text("utf-8")
    (line,) = (line for line in month(WAYS[USUAL], DEMO, PRICES) if "names of metrics" in line.what)
    assert f"the others cost ${line.dollars:.2f} a month" in " ".join(page.split())


def test_an_interface_endpoint_costs_each_hour_in_each_zone() -> None:
    endpoint = with_resource(
        "AWS::EC2::VPCEndpoint", VpcEndpointType="Interface", SubnetIds=["a", "b"]
    )
    assert costs(endpoint) - costs(WAYS[USUAL]) == pytest.approx(2 * HOURS * 0.01)


def test_no_public_address_costs_nothing() -> None:
    def close(resources: dict[str, Any]) -> None:
        network = resources["Service"]["Properties"]["NetworkConfiguration"]
        network["AwsvpcConfiguration"]["AssignPublicIp"] = "DISABLED"

    assert costs(WAYS[USUAL]) - costs(edited(close)) == pytest.approx(HOURS * 0.005)


def test_a_second_secret_costs_40_cents() -> None:
    moved = costs(with_resource("AWS::SecretsManager::Secret")) - costs(WAYS[USUAL])
    assert moved == pytest.approx(0.40)


def test_a_resource_that_nobody_has_priced_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="AWS::RDS::DBInstance \\(Added\\)"):
        costs(with_resource("AWS::RDS::DBInstance"))


def test_a_snapshot_is_paid_for_as_long_as_it_is_kept() -> None:
    (line,) = (
        line
        for line in month(WAYS["Fargate and the demo door"], DEMO, PRICES)
        if "snapshot" in line.what
    )
    kept = 1769 / 1024 * HOURS * 3600 * 0.0000015046
    restored = 0.5 * 300_000 * 0.02 * 1769 / 1024 * 0.0001397998
    assert line.dollars == pytest.approx(kept + restored)


def test_starting_is_billed() -> None:
    """A function that starts as long as it works costs twice as much."""
    busy = replace(DEMO, requests=30_000_000, function_ms=100, cold_share=0)
    slow = replace(busy, cold_share=1, init_ms=100)
    lambdas = WAYS["Lambda only"]
    used = 30_000_000 * 0.1 * 1769 / 1024 * 0.0000166667
    assert costs(lambdas, slow) - costs(lambdas, busy) == pytest.approx(used)


def test_what_was_measured_is_paid_for_as_it_was_measured() -> None:
    measured = replace(DEMO, gb_seconds=1_000_000, cold_share=1, init_ms=60_000)
    (line,) = (
        line for line in month(WAYS["Lambda only"], measured, PRICES) if line.service == "Lambda"
    )
    upkeep = 0.5 * (122 * 12 + 10 * 12 + 8_760) + 10 * 30 * 1769 / 1024
    assert line.dollars == pytest.approx((1_000_000 + upkeep - 400_000) * 0.0000166667)


def test_the_demo_door_takes_its_share_of_the_requests() -> None:
    door, share = WAYS["Fargate and the demo door"], replace(DEMO, door_share=1)
    apis = {line.what: line.dollars for line in month(door, share, PRICES)}
    assert apis["HTTP API"] == 0
    assert apis["REST API"] == pytest.approx(0.3 * 3.50)


def test_each_backup_reads_the_whole_disk() -> None:
    more = replace(DEMO, disk_gb=DEMO.disk_gb + 1)
    assert costs(WAYS[USUAL], more) - costs(WAYS[USUAL]) == pytest.approx(0.30 + 122 * 0.03)


def test_without_cloudfront_what_is_sent_is_paid() -> None:
    more = replace(DEMO, sent_gb=600)
    way = WAYS["Lambda only"]
    assert costs(way, more) - costs(way) == pytest.approx(500 * 0.09)


def test_what_is_beyond_the_free_gigabytes_of_logs_is_paid() -> None:
    more = replace(DEMO, log_gb=7)
    assert costs(WAYS[USUAL], more) - costs(WAYS[USUAL]) == pytest.approx(2 * 0.50)


# Demo use is so many requests and gigabytes; the rest is what they can bring with them.
BOUNDS: Final = {
    "requests": DEMO_REQUESTS, "stored_gb": DEMO_STORED_GB, "puts": 2 * DEMO_REQUESTS,
    "gets": 10 * DEMO_REQUESTS, "log_gb": 5, "sent_gb": 100,
    # A commit for every second request and for each of 77,000 kept drawings, see ``Usage``.
    "disk_gb": 0.2, "disk_read_gb": 10, "disk_write_gb": 50,
    "image_gb": 3, "request_steps": 2, "secret_calls": 30_000,
    "function_ms": 500, "cold_share": 0.05, "init_ms": 5_000, "door_share": 1,
}  # fmt: skip
WITHIN_DEMO_USE = st.builds(Usage, **{name: st.floats(0, most) for name, most in BOUNDS.items()})
DEPLOYED = (USUAL, "Fargate, arm64", "Fargate and the demo door")


@settings(max_examples=60)
@given(usage=WITHIN_DEMO_USE, metrics=st.integers(0, MOST_METRICS))
@pytest.mark.parametrize("way", DEPLOYED)
def test_every_month_of_demo_use_costs_36_dollars_at_most(
    way: str, usage: Usage, metrics: int
) -> None:
    deployment = replace(WAYS[way], metrics=metrics)
    assert total(bill(way, deployment, usage, PRICES)) <= MOST


def worst(share: float) -> Usage:
    """Every bound at once; what the demo door answers asks nothing of the bucket: it has none."""
    asked = {name: BOUNDS[name] * (1 - share) for name in ("puts", "gets")}
    return Usage(**BOUNDS | asked | {"door_share": share})


@pytest.mark.parametrize("share", [0, 0.5, 1])
@pytest.mark.parametrize("way", DEPLOYED)
def test_so_does_the_worst_of_them(way: str, share: float) -> None:
    """As no search by chance finds it."""
    deployment = replace(WAYS[way], metrics=MOST_METRICS)
    assert total(bill(way, deployment, worst(share), PRICES)) <= MOST


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_so_does_the_worst_of_all_with_a_domain(share: float) -> None:
    service = TEMPLATES.stacks(
        "foundation", "service", "watch", DomainName="a.example", HostedZoneId="Z1"
    )
    all_of_it = Deployment((*service, *TEMPLATES.stacks(role="demo")), MOST_METRICS)
    lines = month(all_of_it, worst(share), PRICES)
    assert total(lines) <= MOST
    assert any(line.service == "Route 53" for line in lines)


@settings(max_examples=30)
@given(usage=WITHIN_DEMO_USE, factor=st.floats(1, 100))
def test_more_use_never_costs_less(usage: Usage, factor: float) -> None:
    grown = usage.times(factor)
    assert costs(WAYS[USUAL], grown) >= costs(WAYS[USUAL], usage) - 1e-6


@pytest.mark.parametrize(
    "run", [{"cpu": 1}, {"requests": "many"}, {"requests": -1}, {"door_share": 2}], ids=str
)
def test_a_run_that_no_month_can_have_is_refused(run: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        Usage.measured(run)
