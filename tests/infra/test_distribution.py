"""Where CloudFront sends each route with each method, by the behaviours of the distribution."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

import pytest
from fastapi.routing import iter_route_contexts

from app.bootstrap import Services
from app.web.app import create_app
from tests.infra.templates import DOMAIN, DOOR, Json, Templates, properties
from tests.support import ROOT
from tests.support.gateway.stack import Stack

CACHED_FOR_A_YEAR: Final = "658327ea-f89d-4fab-a63d-7e88639e58f6"  # Managed-CachingOptimized
IN_A_GROUP: Final = {"GET", "HEAD", "OPTIONS"}
# Pages that are to come at the demo door.
TO_COME: Final = {("GET", "/demo"), ("GET", "/demo/one"), ("GET", "/docs"), ("GET", "/docs/method")}
AWAY: Final = [500, 502, 503, 504]
CHOICES: Final[dict[str, dict[str, str]]] = {
    "the service alone": {},
    "with the door": DOOR,
    "with the door and examples of one's own": {**DOOR, "DemonstrationIsOwn": "yes"},
}


@pytest.fixture
def asked(services: Services) -> set[tuple[str, str]]:
    """Each method with an address of each route; HEAD wherever GET is."""
    routes = {
        (method, re.sub(r"\{\w+\}", "one", str(route.path)))
        for route in iter_route_contexts(create_app(services).routes)
        for method in route.methods or ()
    } | TO_COME
    return routes | {("HEAD", path) for method, path in routes if method == "GET"}


def config(stack: Stack) -> dict[str, Any]:
    return dict(properties(stack, "Distribution")["DistributionConfig"])


def behavior(stack: Stack, path: str) -> dict[str, Any]:
    """The first whose pattern fits, as CloudFront chooses."""
    for one in config(stack)["CacheBehaviors"]:
        if fnmatchcase(path, one["PathPattern"]):
            return dict(one)
    return dict(config(stack)["DefaultCacheBehavior"])


def origins(stack: Stack, target: str) -> list[str]:
    """One, or those of a group in the order in which they are asked."""
    for group in config(stack).get("OriginGroups", {}).get("Items", ()):
        if group["Id"] == target:
            return [one["OriginId"] for one in group["Members"]["Items"]]
    return [target]


def expected(path: str, given: dict[str, str]) -> list[str]:
    door = ["/static/", "/docs"] + ([] if "DemonstrationIsOwn" in given else ["/demo"])
    at_the_door = "DemoDoor" in given and path.startswith(tuple(door))
    return ["door", "service"] if at_the_door else ["service"]


@pytest.mark.parametrize("given", CHOICES.values(), ids=CHOICES)
def test_each_route_reaches_its_origin_by_each_of_its_methods(
    templates: Templates, asked: set[tuple[str, str]], given: dict[str, str]
) -> None:
    stack = templates.service(**given)
    assert len(asked) > 20
    for method, path in sorted(asked):
        one = behavior(stack, path)
        assert method in one["AllowedMethods"], (method, path)
        reached = origins(stack, one["TargetOriginId"])
        assert reached == expected(path, given), (method, path)
        assert len(reached) == 1 or method in IN_A_GROUP, (method, path)


@pytest.mark.parametrize("given", CHOICES.values(), ids=CHOICES)
def test_no_group_stands_on_a_path_that_may_be_posted_to(
    templates: Templates, given: dict[str, str]
) -> None:
    stack = templates.service(**given)
    for one in [*config(stack)["CacheBehaviors"], config(stack)["DefaultCacheBehavior"]]:
        if len(origins(stack, one["TargetOriginId"])) > 1:
            assert set(one["AllowedMethods"]) <= IN_A_GROUP


@pytest.mark.parametrize("given", CHOICES.values(), ids=CHOICES)
def test_each_target_is_there(templates: Templates, given: dict[str, str]) -> None:
    stack = templates.service(**given)
    there = {one["Id"] for one in config(stack)["Origins"]}
    for one in [*config(stack)["CacheBehaviors"], config(stack)["DefaultCacheBehavior"]]:
        assert set(origins(stack, one["TargetOriginId"])) <= there


def groups(templates: Templates) -> Iterator[tuple[str, list[int]]]:
    for one in config(templates.service(**DOOR))["OriginGroups"]["Items"]:
        yield one["Id"], one["FailoverCriteria"]["StatusCodes"]["Items"]


def test_the_door_is_replaced_when_it_is_away(templates: Templates) -> None:
    assert dict(groups(templates)) == {
        "door-or-service": AWAY,
        # Two releases may be up, and the one has no file of the other's.
        "files-of-either": [403, 404, *AWAY],
    }


@pytest.mark.parametrize("given", CHOICES.values(), ids=CHOICES)
def test_a_count_is_the_number_of_its_items(templates: Templates, given: dict[str, str]) -> None:
    def check(node: Json) -> None:
        if isinstance(node, dict):
            if {"Quantity", "Items"} <= set(node):
                assert node["Quantity"] == len(node["Items"])
            for part in node.values():
                check(part)
        if isinstance(node, list):
            for part in node:
                check(part)

    check(config(templates.service(**given)))


def test_hashed_files_are_kept_for_a_year(templates: Templates) -> None:
    one = behavior(templates.service(), "/static/style.0123.css")
    assert one["CachePolicyId"] == CACHED_FOR_A_YEAR
    assert one["Compress"] is True


def test_nothing_else_is_kept(templates: Templates) -> None:
    stack = templates.service()
    assert behavior(stack, "/upload")["CachePolicyId"] == {"Ref": "Dynamic"}
    policy = properties(stack, "Dynamic")["CachePolicyConfig"]
    assert (policy["MinTTL"], policy["DefaultTTL"]) == (0, 0)
    assert policy["MaxTTL"] == 1  # with 0 no header could be named


def test_no_error_is_kept(templates: Templates) -> None:
    found = config(templates.service())["CustomErrorResponses"]
    kept = {one["ErrorCode"]: one["ErrorCachingMinTTL"] for one in found}
    assert set(kept.values()) == {0}
    assert set(kept) == {400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}


READ = re.compile(r"""(?:headers\.get\(|_HEADER: Final = )"([a-z-]+)"|(idempotency_key): """)
# By CloudFront itself, by the other policies, or of the gateway.
OTHERWISE: Final = {"host", "if-none-match", "x-origin-verify", "authorization"}


def test_each_header_that_the_application_reads_reaches_it(templates: Templates) -> None:
    read = {
        (one or other).replace("_", "-").lower()
        for file in (ROOT / "app" / "web").rglob("*.py")
        for one, other in READ.findall(file.read_text())
    }
    stack = templates.service()
    headers = properties(stack, "Forwarded")["OriginRequestPolicyConfig"]["HeadersConfig"]
    assert headers["HeaderBehavior"] == "whitelist"
    assert len(headers["Headers"]) <= 10  # CloudFront takes no more
    assert {one.lower() for one in headers["Headers"]} == read - OTHERWISE
    cached = properties(stack, "Dynamic")["CachePolicyConfig"]
    parameters = cached["ParametersInCacheKeyAndForwardedToOrigin"]
    assert parameters["HeadersConfig"]["Headers"] == ["Authorization"]
    assert parameters["CookiesConfig"] == {"CookieBehavior": "all"}


def test_host_is_the_apis_own(templates: Templates) -> None:
    headers = properties(templates.service(), "Forwarded")["OriginRequestPolicyConfig"]
    assert "Host" not in headers["HeadersConfig"]["Headers"]


@pytest.mark.parametrize("origin", ["service", "door"])
def test_an_origin_knows_cloudfront_by_the_secret_in_use(templates: Templates, origin: str) -> None:
    (one,) = (one for one in config(templates.service(**DOOR))["Origins"] if one["Id"] == origin)
    (header,) = one["OriginCustomHeaders"]
    text, names = header["HeaderValue"]["Fn::Sub"]
    assert header["HeaderName"].lower() == "x-origin-verify"
    assert text == "{{resolve:secretsmanager:${Arn}:SecretString:sent::${OriginProofVersion}}}"
    assert names["Arn"]["Fn::ImportValue"]["Fn::Sub"] == "${Foundation}-OriginProofArn"


def test_cloudfront_waits_longer_than_the_api_does(templates: Templates) -> None:
    (one,) = config(templates.service())["Origins"]
    stack = templates.service()
    seconds = properties(stack, "Integration")["TimeoutInMillis"] / 1000
    assert one["CustomOriginConfig"]["OriginReadTimeout"] > seconds


def test_the_door_is_asked_below_its_stage(templates: Templates) -> None:
    door = config(templates.service(**DOOR))["Origins"][1]
    (api,) = templates.demo.of_type("AWS::ApiGateway::Stage").values()
    assert door["OriginPath"] == f"/{api['StageName']}"


def test_a_name_of_ones_own_has_its_certificate_and_its_records(templates: Templates) -> None:
    stack = templates.service(**DOMAIN)
    assert config(stack)["Aliases"] == ["drawings.example.org"]
    assert config(stack)["ViewerCertificate"] == {
        "AcmCertificateArn": {"Ref": "Certificate"}, "SslSupportMethod": "sni-only",
        "MinimumProtocolVersion": "TLSv1.2_2021",
    }  # fmt: skip
    records = stack.of_type("AWS::Route53::RecordSet").values()
    assert {one["Type"] for one in records} == {"A", "AAAA"}
    assert properties(stack, "Certificate")["ValidationMethod"] == "DNS"


def test_without_one_cloudfronts_own_is_used(templates: Templates) -> None:
    stack = templates.service()
    assert config(stack)["ViewerCertificate"] == {"CloudFrontDefaultCertificate": True}
    assert "Aliases" not in config(stack)
    assert not stack.of_type("AWS::Route53::RecordSet")
