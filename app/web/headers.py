"""The headers that bind the browser, on every response, and how long it may keep one."""

from collections.abc import Mapping
from typing import Final

# No nonces: no page has an inline script or style, so there is nothing that one would let in. A
# policy without them is stricter, and the same for every response.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
DENIED: Final = (
    "accelerometer", "bluetooth", "camera", "display-capture", "geolocation", "gyroscope", "hid",
    "local-fonts", "magnetometer", "microphone", "midi", "payment", "serial", "usb",
)  # fmt: skip
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in DENIED),
}
# Not for subdomains: the operator's domain may hold other sites.
ALWAYS_ENCRYPTED: Final = {"Strict-Transport-Security": "max-age=31536000"}

# What says nothing about it is not stored: anything may be personal.
UNSTORED: Final = {"Cache-Control": "no-store"}
ASKED_AGAIN: Final = {"Cache-Control": "private, no-cache"}
FOR_MINUTES: Final = {"Cache-Control": "public, max-age=300"}
# Also of the page that a back button would show: "no-store" does not keep browsers from that.
CLEARED: Final = {"Clear-Site-Data": '"cache"'}
FOR_ALL: Final = {"Cache-Control": "public, max-age=86400"}
FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}


def binding_headers(*, encrypted: bool) -> Mapping[str, str]:
    """All of them; a site that is reached over https is never again reached otherwise."""
    return {**HEADERS, **ALWAYS_ENCRYPTED} if encrypted else HEADERS
