"""The store in S3, against a real server, and with what can happen on the way there."""

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import (
    ConfigurationError,
    InvalidRequest,
    NotFound,
    StorageRefused,
    StorageUnavailable,
    WrongEnvironment,
)
from app.storage.blobs import s3 as s3_module
from app.storage.blobs.s3 import S3BlobStore
from app.storage.blobs.spooling import PAUSE_SECONDS
from app.storage.blobs.store import STAMP
from tests.support.faults.network import (
    LostAnswer,
    SilentServer,
    SlowLink,
    flip_a_byte,
    hook,
    refuse,
)
from tests.support.polling import until
from tests.support.stores.s3_server import BUCKET, REGION, S3Server

pytestmark = pytest.mark.servers

MIB = 1 << 20


def open_store(environment: str = "local") -> S3BlobStore:
    return S3BlobStore.open(BUCKET, environment, REGION)


@pytest.fixture
def store(s3: S3Server) -> S3BlobStore:
    return open_store()


def test_blobs_are_encrypted_checked_and_typed(store: S3BlobStore, s3: S3Server) -> None:
    store.put("drawings/a", b"x", "image/png")
    store.put_new("drawings/b", b"x", "image/png")
    for key in ("drawings/a", "drawings/b", STAMP):
        kept = s3.client.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
        assert (kept["ServerSideEncryption"], len(kept["ChecksumSHA256"])) == ("AES256", 44)
        assert kept["ContentType"] == ("application/json" if key == STAMP else "image/png")


def test_an_archived_file_is_kept_cheaply_and_can_be_read_at_once(
    store: S3BlobStore, s3: S3Server, tmp_path: Path
) -> None:
    file = tmp_path / "backup"
    file.write_bytes(b"content")
    assert store.put_new_file("backups/a", file, "application/gzip", archived=True)
    assert s3.client.head_object(Bucket=BUCKET, Key="backups/a")["StorageClass"] == "GLACIER_IR"
    assert store.get("backups/a") == b"content"


def test_of_many_that_keep_a_new_blob_at_once_one_does(store: S3BlobStore) -> None:
    def keep(number: int) -> bool:
        return store.put_new("backups/a", str(number).encode(), "text/plain")

    with ThreadPoolExecutor(8) as threads:
        kept = list(threads.map(keep, range(8)))
    assert kept.count(True) == 1
    assert store.get("backups/a") == str(kept.index(True)).encode()


def test_a_new_blob_whose_answer_was_lost_counts_as_kept(store: S3BlobStore) -> None:
    lost = LostAnswer(store.client, "PutObject")
    assert store.put_new("backups/a", b"x", "text/plain")
    assert lost.happened
    lost.happened = False
    assert not store.put_new("backups/a", b"x", "text/plain")
    assert lost.happened


@pytest.mark.parametrize("size", [10, 3 * MIB], ids=["small", "in parts"])
def test_a_blob_that_arrives_changed_is_refused(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int
) -> None:
    monkeypatch.setenv("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")
    store = open_store()
    store.put("backups/a", bytes(size), "text/plain")
    flip_a_byte(store.client, "GetObject")
    with pytest.raises(StorageUnavailable, match="damaged on its way"):
        store.get("backups/a")
    with pytest.raises(StorageUnavailable, match="damaged on its way"):
        store.get_file("backups/a", tmp_path / "copy")
    assert list(tmp_path.glob("*copy*")) == list(tmp_path.glob(".unfinished*")) == []


def test_a_large_file_is_never_whole_in_memory(store: S3BlobStore, tmp_path: Path) -> None:
    file = tmp_path / "file"
    with file.open("wb") as stream:
        stream.truncate(48 * MIB)
    tracemalloc.start()
    try:
        assert store.put_new_file("backups/a", file, "application/gzip")
        store.get_file("backups/a", tmp_path / "copy")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * MIB
    assert (tmp_path / "copy").stat().st_size == 48 * MIB


def test_a_file_that_cannot_be_read_is_no_fault_of_the_store(
    store: S3BlobStore, tmp_path: Path
) -> None:
    with pytest.raises(StorageUnavailable, match="The file none cannot be read"):
        store.put_new_file("backups/a", tmp_path / "none", "text/plain")
    assert not store.exists("backups/a")


def test_keys_are_listed_page_by_page_and_a_mark_for_a_folder_is_none(
    store: S3BlobStore, s3: S3Server
) -> None:
    s3.client.put_object(Bucket=BUCKET, Key="demo/", Body=b"")
    keys = tuple(f"demo/{number}" for number in range(5))
    for key in keys:
        store.put(key, b"x", "text/plain")

    def two_at_a_time(params: dict[str, object], **_: object) -> dict[str, object]:
        return {**params, "MaxKeys": 2}

    hook(store.client, "provide-client-params.s3.ListObjectsV2", two_at_a_time)
    assert store.keys("demo") == keys


def test_a_link_lets_anybody_download_one_blob_for_a_while(store: S3BlobStore) -> None:
    store.put("exports/a", b"content", "text/csv")
    store.put("exports/b", b"other", "text/csv")
    link = store.download_url("exports/a", 60, 'Übersicht "1".csv')
    got = httpx.get(link)
    assert (got.status_code, got.content) == (200, b"content")
    named = "attachment; filename*=UTF-8''%C3%9Cbersicht%20%221%22.csv"
    assert got.headers["content-disposition"] == named
    assert httpx.get(link.replace("exports/a", "exports/b")).status_code == 403
    assert httpx.get(link.replace("Expires=60", "Expires=600")).status_code == 403


@pytest.mark.parametrize("seconds", [-1, 0, 7 * 24 * 3600 + 1])
def test_a_link_that_s3_would_refuse_is_not_made(store: S3BlobStore, seconds: int) -> None:
    with pytest.raises(InvalidRequest, match="1 second to 7 days"):
        store.download_url("exports/a", seconds, "a.csv")
    assert "Expires=604800" in store.download_url("exports/a", 7 * 24 * 3600, "a.csv")


def test_on_amazon_links_name_the_region_as_new_buckets_need(
    monkeypatch: pytest.MonkeyPatch, s3: S3Server
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    client = s3_module._make_client(REGION)
    link = client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "exports/a"})
    assert link.startswith(f"https://{BUCKET}.s3.{REGION}.amazonaws.com/exports/a?")


@pytest.mark.parametrize(
    ("environ", "bucket", "sentence"),
    [
        pytest.param({}, "missing", "create it, or correct S3_BUCKET_NAME", id="no such bucket"),
        pytest.param(
            {"AWS_ACCESS_KEY_ID": "AKIAREADER", "AWS_SECRET_ACCESS_KEY": "readersecret"},
            BUCKET,
            "access is denied",
            id="may not write",
        ),
        pytest.param({"AWS_SECRET_ACCESS_KEY": "wrong"}, BUCKET, "not accepted", id="secret"),
        pytest.param({"AWS_ACCESS_KEY_ID": "AKIANOBODY"}, BUCKET, "not known", id="key"),
        pytest.param({"AWS_ACCESS_KEY_ID": ""}, BUCKET, "credentials", id="no credentials"),
        pytest.param({"AWS_ENDPOINT_URL": "nowhere"}, BUCKET, "AWS settings", id="no address"),
    ],
)
def test_what_only_the_operator_can_mend_is_refused_at_the_start(
    s3: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    bucket: str,
    sentence: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=sentence):
        S3BlobStore.open(bucket, "local", REGION)
    assert s3.keys() == []


def test_a_bucket_opens_only_from_where_it_was_made(store: S3BlobStore, s3: S3Server) -> None:
    with pytest.raises(
        WrongEnvironment, match=r"The bucket pictures .*'local'.*'production'.*ENVIRONMENT=local"
    ):
        open_store("production")
    assert open_store().keys("drawings") == ()
    s3.client.put_object(Bucket=BUCKET, Key=STAMP, Body=b"{}")
    with pytest.raises(ConfigurationError, match="damaged"):
        open_store()


def test_of_two_environments_that_begin_at_once_one_gets_the_bucket(s3: S3Server) -> None:
    def begin(environment: str) -> bool:
        try:
            open_store(environment)
        except WrongEnvironment:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(begin, ["local", "production"])) == [False, True]


def uses_of(store: S3BlobStore, file: Path) -> dict[str, Callable[[], object]]:
    """Every method, by name."""
    return {
        "put": partial(store.put, "demo/a", b"x", "text/plain"),
        "put_new": partial(store.put_new, "demo/a", b"x", "text/plain"),
        "put_new_file": partial(store.put_new_file, "demo/a", file, "text/plain"),
        "get": partial(store.get, "demo/a"),
        "get_file": partial(store.get_file, "demo/a", file),
        "delete": partial(store.delete, "demo/a"),
        "exists": partial(store.exists, "demo/a"),
        "keys": partial(store.keys, "demo"),
    }


@pytest.fixture
def nothing_listens(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3BlobStore:
    """Opened while the server was away."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    return open_store()


def test_each_use_of_a_bucket_that_is_away_says_so(
    nothing_listens: S3BlobStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"as it was")
    for name, use in uses_of(nothing_listens, file).items():
        with pytest.raises(StorageUnavailable, match="cannot be reached now"):
            use()
        assert file.read_bytes() == b"as it was", name
    nothing_listens.checked = True
    with pytest.raises(StorageUnavailable):
        nothing_listens.get("drawings/secret")
    assert "EndpointConnectionError" in caplog.text
    assert "secret" not in caplog.text


def test_a_server_that_never_answers_is_given_up_after_two_attempts(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_module, "READ_SECONDS", 0.3)
    with SilentServer() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        store = open_store()
        until(lambda: server.asked >= 2)
        before = server.asked
        with pytest.raises(StorageUnavailable):
            store.get("demo/a")
        until(lambda: server.asked >= 4)
    assert (before, server.asked) == (2, 4)


def test_the_longest_wait_is_shorter_than_that_of_a_gateway(store: S3BlobStore) -> None:
    """An HTTP API gives up after 29 s and our function after 25.

    An upload asks three times: whose the bucket is, once, and for a picture and a map to be kept.
    At worst each is answered just before it would have been given up. The first that is not
    answered begins the pause, in which the rest does not ask.
    """
    used: Any = store.client.meta.config  # its types name no options
    attempts = used.retries["total_max_attempts"]
    backoff = sum(2**attempt for attempt in range(attempts - 1))
    longest = (used.connect_timeout + used.read_timeout) * attempts + backoff
    assert longest < PAUSE_SECONDS
    assert 3 * longest <= 21


def test_a_large_blob_gets_through_a_slow_link(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way takes longer than an answer may.

    What the kernel has taken in when all is sent is through in a tenth of that time.
    """
    content = bytes(18 * MIB)
    with SlowLink(s3.ports["s3"], 6 * MIB) as link:
        monkeypatch.setenv("AWS_ENDPOINT_URL", link.url)
        store = open_store()
        store.put("models/trunk", content, "application/octet-stream")
        assert store.get("models/trunk") == content


@pytest.mark.parametrize(
    ("status", "code", "kind", "advice"),
    [
        (400, "InvalidRequest", StorageRefused, "The bucket refused a request (InvalidRequest)."),
        (403, "AccessDenied", StorageRefused, "The bucket cannot be used: access is denied;"),
        (404, "NoSuchBucket", StorageRefused, "The bucket cannot be used: it does not exist;"),
        (409, "OperationAborted", StorageRefused, "The bucket refused a request (Operation"),
        (400, "RequestTimeout", StorageUnavailable, "The file store cannot be reached now"),
        (408, "Timeout", StorageUnavailable, "The file store cannot be reached now"),
        (429, "TooManyRequests", StorageUnavailable, "The file store cannot be reached now"),
        (400, "ThrottlingException", StorageUnavailable, "The file store cannot be reached now"),
        (503, "SlowDown", StorageUnavailable, "The file store cannot be reached now"),
        (500, "InternalError", StorageUnavailable, "The file store cannot be reached now"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_a_refusal_is_told_from_a_store_that_does_not_answer(
    store: S3BlobStore, status: int, code: str, kind: type[StorageUnavailable], advice: str
) -> None:
    refuse(store.client, "PutObject", status, code)
    with pytest.raises(StorageUnavailable) as raised:
        store.put("demo/a", b"x", "text/plain")
    assert type(raised.value) is kind
    assert raised.value.advice.startswith(advice)


def test_a_bucket_that_was_away_at_the_start_is_checked_before_it_is_used(
    store: S3BlobStore, s3: S3Server, tmp_path: Path
) -> None:
    store.put("demo/b", b"local", "text/plain")
    late = S3BlobStore(s3.client, BUCKET, "production")
    for use in uses_of(late, tmp_path / "none").values():
        with pytest.raises(StorageUnavailable):
            use()
    assert sorted(s3.keys()) == [STAMP, "demo/b"]


def test_a_bucket_that_was_away_at_the_start_is_used_once_it_is_back(s3: S3Server) -> None:
    late = S3BlobStore(s3.client, BUCKET, "local")
    with pytest.raises(NotFound):
        late.get("demo/a")
    late.put("demo/a", b"x", "text/plain")
    assert sorted(s3.keys()) == [STAMP, "demo/a"]
