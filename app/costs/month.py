"""The month of a deployment: each resource of its templates, priced.

A resource of a type that nobody has priced is an error, so that no cost is forgotten.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from app.costs.templates import Stack
from app.costs.usage import Usage
from app.errors import ConfigurationError

MILLION: Final = 1_000_000
SCHEDULED_SECONDS: Final = (
    12  # of a backup or a drill, as measured for 200 MB; see docs/operations.md
)
BACKED_UP: Final = "rate(6 hours)"
RUNS: Final = {BACKED_UP: 122, "rate(3 days)": 10, "rate(5 minutes)": 8_760}
# They cost nothing by themselves: what goes through them is counted where it goes to.
FREE: Final = frozenset({
    "AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage", "AWS::ApiGatewayV2::VpcLink",
    "AWS::Budgets::Budget", "AWS::CertificateManager::Certificate", "AWS::CloudFront::CachePolicy",
    "AWS::CloudFront::OriginRequestPolicy", "AWS::CloudFront::ResponseHeadersPolicy",
    "AWS::EC2::EgressOnlyInternetGateway", "AWS::EC2::InternetGateway", "AWS::EC2::Route",
    "AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup", "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC", "AWS::EC2::VPCCidrBlock",
    "AWS::EC2::VPCGatewayAttachment", "AWS::ECS::Cluster", "AWS::ECS::TaskDefinition",
    "AWS::EFS::AccessPoint", "AWS::EFS::MountTarget", "AWS::IAM::ManagedPolicy",
    "AWS::IAM::OIDCProvider", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::Logs::LogGroup",
    "AWS::S3::BucketPolicy", "AWS::SNS::Subscription", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy",
    "AWS::Serverless::LayerVersion", "AWS::ServiceDiscovery::Service", "Custom::Migration",
})  # fmt: skip


@dataclass(frozen=True)
class Line:
    """Dollars of one kind of thing; ``covered`` is what is free of it each month."""

    service: str
    what: str
    dollars: float
    covered: str = ""


@dataclass(frozen=True)
class Prices:
    """Dated, of one region."""

    tables: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls) -> "Prices":
        """Those that come with the application."""
        return cls(tomllib.loads(files("app.costs").joinpath("prices.toml").read_text("utf-8")))

    def __getitem__(self, path: str) -> float:
        """``"fargate.ARM64.vcpu_hour"``."""
        found: Any = self.tables
        for word in path.split("."):
            found = found[word]
        return float(found)


@dataclass(frozen=True)
class Deployment:
    """Stacks that are deployed together, and the number of metrics that the application writes."""

    stacks: tuple[Stack, ...]
    metrics: int

    def each(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """The name, type and properties of each resource."""
        for stack in self.stacks:
            for name, part in stack.resources().items():
                yield name, part["Type"], part.get("Properties", {})

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The properties of the resources of one kind."""
        return [properties for _, found, properties in self.each() if found == kind]

    def asked(self, door: bool, usage: Usage) -> float:
        """The requests of the demo door or of the service, if there are both; else all."""
        both = {"AWS::ECS::Service", "AWS::Serverless::Api"} <= {kind for _, kind, _ in self.each()}
        share = usage.door_share if door else 1 - usage.door_share
        return usage.requests * (share if both else 1)


def month(deployment: Deployment, usage: Usage, prices: Prices) -> list[Line]:
    """Each line of the bill; raise ``ConfigurationError`` for a resource without a price."""
    for name, kind, _ in deployment.each():
        if kind not in FREE and kind not in PRICED:
            raise ConfigurationError(
                f"Nobody has priced {kind} ({name}); add it to app/costs/month.py, or leave it out."
            )
    asked = dict.fromkeys(kind for _, kind, _ in deployment.each() if kind in PRICED)
    pricers = dict.fromkeys(PRICED[kind] for kind in asked)
    lines = [line for pricer in pricers for line in pricer(deployment, usage, prices)]
    return [*lines, *_metrics(deployment, prices), _logs(usage, prices)]


def total(lines: list[Line]) -> float:
    """Dollars a month."""
    return sum(line.dollars for line in lines)


def _service(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    tasks = {name: one for name, kind, one in made.each() if kind == "AWS::ECS::TaskDefinition"}
    for service in made.of_type("AWS::ECS::Service"):
        task = tasks[service["TaskDefinition"]["Ref"]]
        kind = str(task["RuntimePlatform"]["CpuArchitecture"])
        cpus, gigabytes = int(task["Cpu"]) / 1024, int(task["Memory"]) / 1024
        hour = cpus * prices[f"fargate.{kind}.vcpu_hour"]
        hour += gigabytes * prices[f"fargate.{kind}.gb_hour"]
        hours = int(service["DesiredCount"]) * prices["hours"]
        yield Line("Fargate", f"{cpus:g} vCPU, {gigabytes:g} GB, {kind}", hour * hours)
        network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
        if network.get("AssignPublicIp") == "ENABLED":
            yield Line(
                "Network", "a public IPv4 address", hours * prices["network.public_ipv4_hour"]
            )


def _nat(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    gateways = len(made.of_type("AWS::EC2::NatGateway"))
    hours = gateways * prices["hours"] * prices["network.nat_hour"]
    yield Line("Network", "NAT", hours + usage.sent_gb * prices["network.nat_gb"])


def _endpoints(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    for one in made.of_type("AWS::EC2::VPCEndpoint"):
        if one.get("VpcEndpointType", "Gateway") == "Gateway":
            continue
        zones = len(one.get("SubnetIds", [1]))
        price = zones * prices["hours"] * prices["network.interface_endpoint_hour"]
        yield Line("Network", "an interface endpoint", price)


def _balancer(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    count = len(made.of_type("AWS::ElasticLoadBalancingV2::LoadBalancer"))
    hours = count * prices["hours"]
    busy = usage.sent_gb / prices["hours"]  # a unit is a gigabyte an hour
    units = hours * busy * prices["network.alb_lcu_hour"]
    yield Line("Network", "load balancer", hours * prices["network.alb_hour"] + units)


def _distribution(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    requests = max(0, usage.requests - prices["cloudfront.free_requests"]) / MILLION
    sent = max(0, usage.sent_gb - prices["cloudfront.free_gb"])
    price = requests * prices["cloudfront.million_requests"] + sent * prices["cloudfront.gb"]
    yield Line("CloudFront", "requests and bytes", price, "10 million requests and 1 TB")


def _http_api(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    steps = made.asked(False, usage) * usage.request_steps / MILLION
    yield Line("API Gateway", "HTTP API", steps * prices["api.http_million"])


def _rest_api(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    """Without CloudFront in front, what it sends is the account's own."""
    millions = made.asked(True, usage) / MILLION
    yield Line("API Gateway", "REST API", millions * prices["api.rest_million"])
    if not made.of_type("AWS::CloudFront::Distribution"):
        sent = max(0, usage.sent_gb - prices["network.free_sent_gb"])
        yield Line("Network", "bytes sent", sent * prices["network.sent_gb"], "100 GB")


def _names(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    calls = made.asked(False, usage) / MILLION * prices["cloudmap.discover_million"]
    yield Line("Cloud Map", "a private zone, and questions", prices["cloudmap.zone_month"] + calls)


def _records(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    yield Line("Route 53", "the zone of your domain", prices["route53.zone_month"])


def _disks(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    """Each backup reads all of it, whether or not anything has changed."""
    read = usage.disk_read_gb + RUNS[BACKED_UP] * usage.disk_gb
    moved = read * prices["efs.read_gb"] + usage.disk_write_gb * prices["efs.write_gb"]
    yield Line("EFS", "the database", usage.disk_gb * prices["efs.gb_month"] + moved)


def _buckets(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    asked = (
        usage.puts * prices["s3.thousand_puts"] + usage.gets * prices["s3.thousand_gets"]
    ) / 1000
    yield Line("S3", "files and requests", usage.stored_gb * prices["s3.gb_month"] + asked)


def _secrets(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    count = len(made.of_type("AWS::SecretsManager::Secret"))
    calls = usage.secret_calls / 10_000 * prices["secrets.ten_thousand_calls"]
    yield Line(
        "Secrets Manager", f"{count} secrets", count * prices["secrets.secret_month"] + calls
    )


def _images(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    yield Line("ECR", "images", usage.image_gb * prices["ecr.gb_month"])


def _alarms(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    count = len(made.of_type("AWS::CloudWatch::Alarm"))
    paid = max(0, count - prices["cloudwatch.free_alarms"])
    yield Line("CloudWatch", f"{count} alarms", paid * prices["cloudwatch.alarm_month"], "10")


def _dashboards(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    count = len(made.of_type("AWS::CloudWatch::Dashboard"))
    paid = max(0, count - prices["cloudwatch.free_dashboards"])
    price = paid * prices["cloudwatch.dashboard_month"]
    yield Line("CloudWatch", f"{count} dashboard", price, "3")


def _metrics(made: Deployment, prices: Prices) -> Iterator[Line]:
    """Names that the application writes; AWS's own are free."""
    paid = max(0, made.metrics - prices["cloudwatch.free_metrics"])
    price = paid * prices["cloudwatch.metric_month"]
    yield Line("CloudWatch", f"{made.metrics} names of metrics", price, "10")


def _logs(usage: Usage, prices: Prices) -> Line:
    paid = max(0, usage.log_gb - prices["cloudwatch.free_log_gb"])
    return Line("CloudWatch", "log lines", paid * prices["cloudwatch.log_gb"], "5 GB")


def _functions(made: Deployment, usage: Usage, prices: Prices) -> Iterator[Line]:
    """Calls and seconds, those of starting included; snapshots for as long as they are kept."""
    calls, seconds, kind = 0.0, 0.0, "x86_64"
    for one in _functions_of(made):
        gigabytes = int(one["MemorySize"]) / 1024
        kind = str(one["Architectures"][0])
        asked, each = _asked(one, made.asked(True, usage), usage)
        calls += asked
        is_site = any(event["Type"] == "Api" for event in one.get("Events", {}).values())
        measured = usage.gb_seconds if is_site else None
        seconds += asked * each * gigabytes if measured is None else measured
        if one.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions":
            starts = made.asked(True, usage) * usage.cold_share
            yield _snapshot(gigabytes, starts, prices)
    paid = max(0, seconds - prices["lambda.free_gb_seconds"]) * prices[f"lambda.gb_second.{kind}"]
    over = max(0, calls - prices["lambda.free_requests"]) / MILLION
    price = paid + over * prices["lambda.million_requests"]
    yield Line("Lambda", f"{seconds:,.0f} GB-seconds", price, "400,000 and a million calls")


def _functions_of(made: Deployment) -> Iterator[dict[str, Any]]:
    for stack in made.stacks:
        shared = stack.resolved(stack.template.get("Globals", {})).get("Function", {})
        for one in stack.of_type("AWS::Serverless::Function").values():
            yield {**shared, **one}


def _asked(one: Mapping[str, Any], requests: float, usage: Usage) -> tuple[float, float]:
    """How often in a month, and for how many seconds each time."""
    for event in one.get("Events", {}).values():
        if event["Type"] == "Schedule":
            runs = RUNS[event["Properties"]["Schedule"]]
            return runs, 1 if runs > 1000 else SCHEDULED_SECONDS
    if any(event["Type"] == "Api" for event in one.get("Events", {}).values()):
        snapshot = one.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
        start = 0 if snapshot else usage.cold_share * usage.init_ms
        return requests, (usage.function_ms + start) / 1000
    return 10, 30  # commands


def _snapshot(gigabytes: float, starts: float, prices: Prices) -> Line:
    cached = gigabytes * prices["hours"] * 3600 * prices["lambda.snapshot_cached_gb_second"]
    restored = starts * gigabytes * prices["lambda.snapshot_restored_gb"]
    return Line("Lambda", "a snapshot of the demo door, kept and restored", cached + restored)


Pricer = Callable[[Deployment, Usage, Prices], Iterator[Line]]
PRICED: Final[Mapping[str, Pricer]] = {
    "AWS::ApiGatewayV2::Api": _http_api,
    "AWS::CloudFront::Distribution": _distribution,
    "AWS::CloudWatch::Alarm": _alarms,
    "AWS::CloudWatch::Dashboard": _dashboards,
    "AWS::EC2::NatGateway": _nat,
    "AWS::EC2::VPCEndpoint": _endpoints,
    "AWS::ECR::Repository": _images,
    "AWS::ECS::Service": _service,
    "AWS::EFS::FileSystem": _disks,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _balancer,
    "AWS::Route53::RecordSet": _records,
    "AWS::S3::Bucket": _buckets,
    "AWS::SecretsManager::Secret": _secrets,
    "AWS::Serverless::Api": _rest_api,
    "AWS::Serverless::Function": _functions,
    "AWS::ServiceDiscovery::PrivateDnsNamespace": _names,
}
