"""Property 10 as a rule for each type of resource: encrypted, private, with the least rights.

A rule returns what is wrong, in words. A type without a rule has to be named among those that hold
and carry nothing, so that a new one is decided on.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.infra.templates import listed, statements

Properties = Mapping[str, Any]
Rule = Callable[[Properties], Iterator[str]]
ANYWHERE: Final = ("0.0.0.0/0", "::/0")
HTTPS: Final = 443
# AWS's own, for writing logs and for network interfaces, which know no narrower resource.
FOR_FUNCTIONS: Final = re.compile(
    "arn:.+:iam::aws:policy/service-role/AWSLambda(Basic|VPCAccess)ExecutionRole"
)
# They hold no data and let nobody in: what they connect has its own rule.
NEITHER_HOLD_NOR_CARRY: Final = {
    "AWS::ApiGateway::Deployment", "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::VpcLink", "AWS::Budgets::Budget", "AWS::CertificateManager::Certificate",
    "AWS::CloudFront::CachePolicy", "AWS::CloudFront::OriginRequestPolicy",
    "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::EC2::EgressOnlyInternetGateway",
    "AWS::EC2::InternetGateway", "AWS::EC2::Route", "AWS::EC2::RouteTable",
    "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC", "AWS::EC2::VPCCidrBlock",
    "AWS::EC2::VPCEndpoint", "AWS::EC2::VPCGatewayAttachment", "AWS::Events::Rule",
    "AWS::IAM::OIDCProvider", "AWS::Lambda::Alias", "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Version", "AWS::Route53::RecordSet", "AWS::SNS::Subscription",
    "AWS::ServiceDiscovery::PrivateDnsNamespace", "AWS::ServiceDiscovery::Service",
    "Custom::Migration",
}  # fmt: skip


def faults(kind: str, properties: Properties) -> list[str]:
    """What is wrong with one resource."""
    if kind in NEITHER_HOLD_NOR_CARRY:
        return []
    return list(RULES[kind](properties)) if kind in RULES else [f"nobody decided on {kind}"]


def _bucket(one: Properties) -> Iterator[str]:
    encryption = one.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    if not [rule for rule in encryption if "ServerSideEncryptionByDefault" in rule]:
        yield "not encrypted at rest"
    closed = one.get("PublicAccessBlockConfiguration", {})
    ways = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    yield from (f"open to the public: {way}" for way in ways if closed.get(way) is not True)
    owners = one.get("OwnershipControls", {}).get("Rules", [])
    if {"ObjectOwnership": "BucketOwnerEnforced"} not in owners:
        yield "objects may belong to others"
    if one.get("VersioningConfiguration") != {"Status": "Enabled"}:
        yield "what is overwritten is lost"


def _bucket_policy(one: Properties) -> Iterator[str]:
    found = statements(one["PolicyDocument"])
    if not any(_denies(each, {"Bool": {"aws:SecureTransport": "false"}}) for each in found):
        yield "readable in plain text"
    if not any(_denies(each, {"NumericLessThan": {"s3:TlsVersion": "1.2"}}) for each in found):
        yield "readable by outdated encryption"
    yield from _only_ours(found)


def _denies(statement: Properties, condition: Properties) -> bool:
    principals = ("*", {"AWS": "*"})
    return (
        statement["Effect"] == "Deny"
        and statement["Principal"] in principals
        and statement.get("Condition") == condition
        and any(action in ("*", "s3:*", "sns:Publish") for action in listed(statement["Action"]))
    )


def _only_ours(found: list[dict[str, Any]]) -> Iterator[str]:
    """Nobody else's principal is allowed anything."""
    for each in found:
        if each["Effect"] != "Allow":
            continue
        principal = each.get("Principal", {})
        if principal == "*" or "*" in listed(dict(principal).get("AWS", [])):
            yield "allowed to everybody"
        elif "Service" in principal and "Condition" not in each:
            yield "allowed to a service on behalf of anybody"


def _file_system(one: Properties) -> Iterator[str]:
    if one.get("Encrypted") is not True:
        yield "not encrypted at rest"
    found = statements(one.get("FileSystemPolicy", {"Statement": []}))
    if not any(_denies(each, {"Bool": {"aws:SecureTransport": "false"}}) for each in found):
        yield "mounted in plain text"
    yield from _only_ours(found)


def _access_point(one: Properties) -> Iterator[str]:
    if one.get("PosixUser", {}).get("Uid", "0") == "0":
        yield "its files belong to root"
    if one.get("RootDirectory", {}).get("Path", "/") == "/":
        yield "all of the disk is seen"
    if one.get("RootDirectory", {}).get("CreationInfo", {}).get("Permissions", "")[-1:] != "0":
        yield "others on the disk may read"


def _mount_target(one: Properties) -> Iterator[str]:
    if not one.get("SecurityGroups"):
        yield "open to the whole network"


def _repository(one: Properties) -> Iterator[str]:
    if one.get("ImageTagMutability") != "IMMUTABLE":
        yield "a tag may name another image tomorrow"
    if one.get("ImageScanningConfiguration") != {"ScanOnPush": True}:
        yield "images are not scanned"
    yield from _only_ours(statements(one.get("RepositoryPolicyText", {"Statement": []})))


def _secret(one: Properties) -> Iterator[str]:
    text = one.get("SecretString", "")
    if isinstance(text, str) and text:
        yield "a secret in the template"


def _topic(one: Properties) -> Iterator[str]:
    if "Subscription" in one:
        yield "a subscription of its own, which no parameter names"


def _topic_policy(one: Properties) -> Iterator[str]:
    found = statements(one["PolicyDocument"])
    if not any(_denies(each, {"Bool": {"aws:SecureTransport": "false"}}) for each in found):
        yield "published to in plain text"
    yield from _only_ours(found)


def _subnet(one: Properties) -> Iterator[str]:
    if one.get("MapPublicIpOnLaunch") is not False:
        yield "what is started there has a public address unasked"


def _group(one: Properties) -> Iterator[str]:
    for rule in one.get("SecurityGroupIngress", []):
        if "SourceSecurityGroupId" not in rule:
            yield "lets in addresses instead of groups"
        if rule["IpProtocol"] != "tcp" or rule.get("FromPort") != rule.get("ToPort"):
            yield "lets in more than one port"
    if not one.get("SecurityGroupEgress"):
        yield "lets all out"
    for rule in one.get("SecurityGroupEgress", []):
        far = rule.get("CidrIp") in ANYWHERE or rule.get("CidrIpv6") in ANYWHERE
        if far and (rule.get("FromPort"), rule.get("ToPort")) != (HTTPS, HTTPS):
            yield "speaks to anybody in plain text"


def _logs(one: Properties) -> Iterator[str]:
    if not one.get("RetentionInDays"):
        yield "lines are kept for ever"


def _role(one: Properties) -> Iterator[str]:
    trust = statements(one["AssumeRolePolicyDocument"])
    for each in trust:
        principal = each["Principal"]
        if set(principal) <= {"Service"}:
            continue
        if set(principal) != {"Federated"}:
            yield "taken by somebody who is neither a service of AWS nor GitHub"
        elif set(each.get("Condition", {})) != {"StringEquals"}:
            yield "taken by any repository of GitHub"
        elif len(each["Condition"]["StringEquals"]) < 2:
            yield "taken by any repository of GitHub, or for any purpose"
    for policy in one.get("Policies", []):
        yield from _rights(policy["PolicyDocument"])
    for name in one.get("ManagedPolicyArns", []):
        text = name["Fn::Sub"] if isinstance(name, dict) else name
        if not FOR_FUNCTIONS.fullmatch(text):
            yield f"rights that are listed nowhere here: {text}"


def _policy(one: Properties) -> Iterator[str]:
    yield from _rights(one["PolicyDocument"])


# The services of which a deployment makes things without a name; see StackRole.
MADE: Final = {
    "acm:*", "apigateway:*", "cloudfront:*", "cloudwatch:*", "ecs:*", "events:*", "lambda:*",
    "logs:*", "route53:*", "servicediscovery:*",
}  # fmt: skip
# They know no resource, or one that is only made then.
OF_NO_RESOURCE: Final = {
    "ecr:GetAuthorizationToken", "ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition",
    "ecs:RegisterTaskDefinition",
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeRegions", "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs", "ec2:UnassignPrivateIpAddresses",
    "elasticfilesystem:DescribeAccessPoints", "elasticfilesystem:DescribeFileSystems",
    "elasticfilesystem:DescribeMountTargets",
}  # fmt: skip


def _rights(document: Properties) -> Iterator[str]:
    for each in statements(document):
        if each["Effect"] != "Allow":
            continue
        actions = set(listed(each["Action"]))
        yield from (f"everything of a service: {one}" for one in _wide(actions) - MADE)
        if "NotAction" in each or "NotResource" in each:
            yield "all but something"
        if "*" not in listed(each["Resource"]) or each.get("Condition"):
            continue
        yield from (f"on everything: {one}" for one in sorted(actions - OF_NO_RESOURCE - MADE))


def _wide(actions: set[str]) -> set[str]:
    return {one for one in actions if "*" in one}


def _cluster(one: Properties) -> Iterator[str]:
    if one.get("Configuration", {}).get("ExecuteCommandConfiguration"):
        yield "commands may be typed into tasks"


def _task(one: Properties) -> Iterator[str]:
    for volume in one.get("Volumes", []):
        mounted = volume.get("EFSVolumeConfiguration")
        if mounted is None:
            continue
        if mounted.get("TransitEncryption") != "ENABLED":
            yield "mounted in plain text"
        if mounted.get("AuthorizationConfig", {}).get("IAM") != "ENABLED":
            yield "mounted by nobody's right"
        if "AccessPointId" not in mounted.get("AuthorizationConfig", {}):
            yield "all of the disk is seen"
    for each in one["ContainerDefinitions"]:
        yield from _container(each)


def _container(one: Properties) -> Iterator[str]:
    if one.get("ReadonlyRootFilesystem") is not True:
        yield "may change its own code"
    if one.get("User", "root").split(":")[0] in ("root", "0"):
        yield "runs as root"
    if one.get("LinuxParameters", {}).get("Capabilities", {}).get("Drop") != ["ALL"]:
        yield "keeps capabilities"
    if one.get("Privileged"):
        yield "is privileged"
    named = {each["Name"] for each in one.get("Environment", [])}
    yield from (
        f"a secret among its settings: {name}" for name in named if name.endswith("_SECRET")
    )


def _service(one: Properties) -> Iterator[str]:
    if one.get("EnableExecuteCommand"):
        yield "commands may be typed into its tasks"
    if not one["NetworkConfiguration"]["AwsvpcConfiguration"].get("SecurityGroups"):
        yield "its tasks are in the default group"


def _integration(one: Properties) -> Iterator[str]:
    if one.get("ConnectionType") != "VPC_LINK":
        yield "goes by the open internet"


def _http_stage(one: Properties) -> Iterator[str]:
    limits = one.get("DefaultRouteSettings", {})
    if not (limits.get("ThrottlingRateLimit") and limits.get("ThrottlingBurstLimit")):
        yield "takes requests without a limit"


def _rest_stage(one: Properties) -> Iterator[str]:
    limits = one.get("MethodSettings", [])
    if not [each for each in limits if each.get("ThrottlingRateLimit")]:
        yield "takes requests without a limit"


def _rest_api(one: Properties) -> Iterator[str]:
    if one.get("EndpointConfiguration", {}).get("Types") != ["REGIONAL"]:
        yield "has a distribution of AWS's before it"


def _distribution(one: Properties) -> Iterator[str]:
    config = one["DistributionConfig"]
    behaviors = [config["DefaultCacheBehavior"], *config.get("CacheBehaviors", [])]
    for each in behaviors:
        if each["ViewerProtocolPolicy"] != "redirect-to-https":
            yield f"answers in plain text: {each.get('PathPattern', 'everything else')}"
        if "ResponseHeadersPolicyId" not in each:
            yield f"binds no browser: {each.get('PathPattern', 'everything else')}"
    for origin in config["Origins"]:
        if origin["CustomOriginConfig"]["OriginProtocolPolicy"] != "https-only":
            yield f"asks in plain text: {origin['Id']}"
        if origin["CustomOriginConfig"]["OriginSSLProtocols"] != ["TLSv1.2"]:
            yield f"asks by outdated encryption: {origin['Id']}"
        if "X-Origin-Verify" not in [
            h["HeaderName"] for h in origin.get("OriginCustomHeaders", [])
        ]:
            yield f"proves itself to nobody: {origin['Id']}"
    certificate = config["ViewerCertificate"]
    oldest = certificate.get("MinimumProtocolVersion", "")
    if not certificate.get("CloudFrontDefaultCertificate") and not oldest.startswith("TLSv1.2_"):
        yield "answers by outdated encryption"


def _headers(one: Properties) -> Iterator[str]:
    said = one["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    wanted = ("StrictTransportSecurity", "ContentTypeOptions", "FrameOptions", "ReferrerPolicy")
    yield from (f"says nothing of {name}" for name in wanted if name not in said)
    if said.get("StrictTransportSecurity", {}).get("AccessControlMaxAgeSec", 0) < 31_536_000:
        yield "https is forgotten within a year"


def _function(one: Properties) -> Iterator[str]:
    if "Role" not in one:
        yield "runs under nobody's role"
    if "FileSystemConfigs" in one and "VpcConfig" not in one:
        yield "the disk is reached from outside the network"


def _permission(one: Properties) -> Iterator[str]:
    services = {"apigateway.amazonaws.com", "events.amazonaws.com"}
    if one["Principal"] not in services or "SourceArn" not in one:
        yield "asked by others"


RULES: Final[dict[str, Rule]] = {
    "AWS::ApiGateway::RestApi": _rest_api,
    "AWS::ApiGateway::Stage": _rest_stage,
    "AWS::ApiGatewayV2::Integration": _integration,
    "AWS::ApiGatewayV2::Stage": _http_stage,
    "AWS::CloudFront::Distribution": _distribution,
    "AWS::CloudFront::ResponseHeadersPolicy": _headers,
    "AWS::EC2::SecurityGroup": _group,
    "AWS::EC2::Subnet": _subnet,
    "AWS::ECR::Repository": _repository,
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::Service": _service,
    "AWS::ECS::TaskDefinition": _task,
    "AWS::EFS::AccessPoint": _access_point,
    "AWS::EFS::FileSystem": _file_system,
    "AWS::EFS::MountTarget": _mount_target,
    "AWS::IAM::ManagedPolicy": _policy,
    "AWS::IAM::Policy": _policy,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::Permission": _permission,
    "AWS::Logs::LogGroup": _logs,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SecretsManager::Secret": _secret,
}
