"""What S3 answers when it does not do what it was asked, told apart by its code."""

from typing import Final

# HEAD has no body, so its errors are named by their status.
ABSENT: Final = frozenset({"NoSuchKey", "404"})
WRONG: Final = {
    "NoSuchBucket": "it does not exist; create it, or correct S3_BUCKET_NAME",
    "PermanentRedirect": "it lies in another region; correct AWS_REGION",
    "AuthorizationHeaderMalformed": "it lies in another region; correct AWS_REGION",
    "RequestTimeTooSkewed": "the clock of this machine is wrong; set it",
    "InvalidAccessKeyId": "the credentials are not known there; correct them",
    "SignatureDoesNotMatch": "the credentials are not accepted there; correct them",
    "AccessDenied": "access is denied; allow what docs/storage.md lists",
    "403": "access is denied; allow what docs/storage.md lists",
}
# Statuses of 400 to 499 that say no more than a dead network does: it may go well in a moment.
PASSING_STATUS: Final = frozenset({408, 429})
PASSING: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def is_refusal(code: str, status: int) -> bool:
    """Whether the same request would be answered in the same way again."""
    return 400 <= status < 500 and status not in PASSING_STATUS and code not in PASSING
