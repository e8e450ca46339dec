"""Settings: where they come from, which wins, and which contradictions stop the process."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.environment import ADMIN_SECRET_NAME, BUNDLE_FOLDER, EnvironmentConfig, Settings
from app.errors import ConfigurationError
from app.imaging.intake import MAX_BYTES

NOWHERE = Path(__file__).parent / "no-such-folder"
SECRET, OTHER_SECRET = "5ecret" * 6, "0ther-5ecret" * 3
PUBLIC = {"PUBLIC_BASE_URL": "https://drawings.example.org"}
PRODUCTION = {"S3_BUCKET_NAME": "drawings", "AWS_REGION": "eu-central-1"}


def load(environ: Mapping[str, str], folder: Path = NOWHERE) -> EnvironmentConfig:
    return EnvironmentConfig.load(environ, folder)


def test_without_any_setting_everything_is_local() -> None:
    assert load({}) == EnvironmentConfig(
        environment="local",
        database_url="sqlite:///var/sketchnorm.sqlite3",
        storage_backend="local",
        s3_bucket_name=None,
        aws_region=None,
        secret_manager_enabled=False,
        metrics_enabled=False,
    )


def test_a_bucket_and_a_region_are_enough_for_production() -> None:
    assert load(PRODUCTION) == EnvironmentConfig(
        environment="production",
        database_url="sqlite:////mnt/efs/sketchnorm.sqlite3",
        storage_backend="s3",
        s3_bucket_name="drawings",
        aws_region="eu-central-1",
        secret_manager_enabled=True,
        metrics_enabled=True,
    )


@pytest.mark.parametrize(
    ("marks", "detected"),
    [
        pytest.param({"AWS_LAMBDA_FUNCTION_NAME": "api"}, "production", id="on Lambda"),
        pytest.param({"ECS_CONTAINER_METADATA_URI_V4": "http://x"}, "production", id="on Fargate"),
        pytest.param(
            {"AWS_LAMBDA_FUNCTION_NAME": "api", "AWS_SAM_LOCAL": "true"}, "local", id="sam local"
        ),
        pytest.param({"AWS_SAM_LOCAL": "true"}, "local", id="sam local with a bucket"),
        pytest.param({"ENVIRONMENT": "local"}, "local", id="said to be local"),
        pytest.param({"ENVIRONMENT": "Production"}, "production", id="said with a capital"),
        pytest.param({"ENVIRONMENT": " "}, "production", id="blank is not given"),
    ],
)
def test_the_environment_is_detected(marks: dict[str, str], detected: str) -> None:
    assert load({**PRODUCTION, **marks}).environment == detected


def test_the_real_environment_wins_over_files_and_the_own_file_over_the_shared(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("AWS_REGION=shared\nS3_BUCKET_NAME=shared\nDATA_DIR=shared")
    (tmp_path / ".env.local").write_text("AWS_REGION=own\nS3_BUCKET_NAME=own")
    (tmp_path / ".env.production").write_text("AWS_REGION=other")
    config = load({"AWS_REGION": "real", "ENVIRONMENT": "local"}, tmp_path)
    assert config.aws_region == "real"
    assert config.s3_bucket_name == "own"
    assert config.database_url == "sqlite:///shared/sketchnorm.sqlite3"


def test_the_shared_file_may_name_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ENVIRONMENT=production\nAWS_REGION=eu-central-1")
    (tmp_path / ".env.production").write_text("S3_BUCKET_NAME=drawings")
    assert load({}, tmp_path).environment == "production"


def test_a_bucket_in_a_file_alone_does_not_make_it_production(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("S3_BUCKET_NAME=drawings")
    assert load({}, tmp_path).environment == "local"


def test_files_change_nothing_in_the_process(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AWS_REGION=from-a-file\nDATA_DIR=${HOME}/x")
    before = dict(os.environ)
    assert "${HOME}" in Settings.load({}, tmp_path).data_dir.parts
    assert dict(os.environ) == before


def test_settings_have_defaults_and_can_be_changed() -> None:
    usual = Settings.load({}, NOWHERE)
    assert (usual.data_dir, usual.bundle_path) == (Path("var"), BUNDLE_FOLDER)
    assert usual.keep_uploads is True
    assert usual.bundle_poll_seconds == 30
    environ = {"DATA_DIR": "/data", "BUNDLE_PATH": "/bundle", "KEEP_UPLOADS": "FALSE"}
    changed = Settings.load(environ | {"BUNDLE_POLL_SECONDS": "5"}, NOWHERE)
    assert (changed.data_dir, changed.bundle_path) == (Path("/data"), Path("/bundle"))
    assert changed.keep_uploads is False
    assert changed.bundle_poll_seconds == 5
    assert changed.environment.database_url == "sqlite:////data/sketchnorm.sqlite3"


def test_what_is_read_only_keeps_nothing_and_needs_no_lasting_place() -> None:
    environ = {"ENVIRONMENT": "production", "AWS_REGION": "us-east-1", "READ_ONLY": "true"}
    demo = Settings.load(environ | {"DATA_DIR": "/demo"}, NOWHERE)
    assert not demo.keep_uploads
    assert not demo.makes_its_own_database
    assert demo.environment.storage_backend == "local"
    assert demo.environment.database_url == "sqlite:////demo/sketchnorm.sqlite3"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("safe@example.org", "mailto:safe@example.org"),
        ("mailto:safe@example.org", "mailto:safe@example.org"),
        ("https://example.org/report", "https://example.org/report"),
    ],
)
def test_a_contact_is_an_address_of_mail_or_of_the_web(given: str, told: str) -> None:
    assert Settings.load({"SECURITY_CONTACT": given}, NOWHERE).security_contact == told


def test_where_the_program_can_be_read_is_told_if_it_is_set() -> None:
    address = "https://example.org/me/sketchnorm"
    assert Settings.load({"SOURCE_URL": address}, NOWHERE).source_url == address
    assert Settings.load({}, NOWHERE).source_url is None


def test_one_origin_secret_is_replaced_by_another_while_both_are_accepted() -> None:
    environ = {"ORIGIN_SECRET": f"{SECRET}, {OTHER_SECRET}", **PUBLIC}
    assert Settings.load(environ, NOWHERE).origin_secrets == (SECRET, OTHER_SECRET)
    assert Settings.load({}, NOWHERE).origin_secrets == ()


@pytest.mark.parametrize(
    ("environ", "way_out"),
    [
        pytest.param({"PUBLIC_BASE_URL": "a.org"}, "write it like https://", id="no scheme"),
        pytest.param({"PUBLIC_BASE_URL": "https://a:b"}, "write it like https://", id="no port"),
        pytest.param({"ORIGIN_SECRET": SECRET}, "set PUBLIC_BASE_URL", id="secret, no address"),
        pytest.param({"ORIGIN_SECRET": "short", **PUBLIC}, "openssl rand", id="short secret"),
        pytest.param({"ORIGIN_SECRET": f"{SECRET},x", **PUBLIC}, "openssl rand", id="one short"),
        pytest.param({"ORIGIN_SECRET": "ä" * 40, **PUBLIC}, "openssl rand", id="no header"),
        pytest.param(
            {"ORIGIN_SECRET": f"{SECRET},{OTHER_SECRET},{SECRET}", **PUBLIC}, "two", id="three"
        ),
        pytest.param({"SECURITY_CONTACT": "the operator"}, "e-mail address", id="no contact"),
        pytest.param({"SECURITY_CONTACT": "http://a.org"}, "https://", id="contact over http"),
        pytest.param({"SOURCE_URL": "javascript:x"}, "repository's address", id="no page"),
        pytest.param({"SOURCE_URL": "owner/sketchnorm"}, "like https://", id="no source"),
        pytest.param({"SOURCE_URL": "https://a.org/<b>"}, "address", id="no address of one"),
        pytest.param({"SOURCE_URL": "https://"}, "like https://github", id="no host"),
        pytest.param({"READ_ONLY": "true", "KEEP_UPLOADS": "true"}, "KEEP_UPLOADS", id="kept"),
        pytest.param({"LOGIN_IDLE_MINUTES": "0"}, "LOGIN_IDLE_MINUTES is 0", id="no login"),
        pytest.param({"LOGIN_HOURS": "0"}, "and LOGIN_HOURS 0", id="no hours"),
        pytest.param(
            {"LOGIN_IDLE_MINUTES": "121", "LOGIN_HOURS": "2"}, "ends before", id="idle for longer"
        ),
        pytest.param({"UPLOADS_PER_MINUTE": "-1"}, "whole number", id="negative rate"),
        pytest.param({"ADMIN_SECRET_NAME": "a secret"}, "such as sketchnorm/admin", id="a space"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_with_the_way_out(
    environ: dict[str, str], way_out: str
) -> None:
    with pytest.raises(ConfigurationError, match=way_out):
        Settings.load(environ, NOWHERE)


@pytest.mark.parametrize("also", [{}, PUBLIC], ids=["no address", "with an address"])
def test_the_origin_secret_is_never_shown(also: dict[str, str]) -> None:
    spoilt = f"{SECRET} {SECRET}"
    with pytest.raises(ConfigurationError) as refusal:
        Settings.load({"ORIGIN_SECRET": spoilt, **also}, NOWHERE)
    assert SECRET not in str(refusal.value)
    assert SECRET not in repr(Settings.load({"ORIGIN_SECRET": SECRET, **PUBLIC}, NOWHERE))


@pytest.mark.parametrize(
    ("environ", "way_out"),
    [
        pytest.param({"ENVIRONMENT": "staging"}, "local or production", id="unknown environment"),
        pytest.param({"STORAGE_BACKEND": "s3"}, "S3_BUCKET_NAME", id="s3 without bucket"),
        pytest.param({"STORAGE_BACKEND": "ftp"}, "local or s3", id="unknown storage"),
        pytest.param({**PRODUCTION, "STORAGE_BACKEND": "local"}, "=s3", id="local production"),
        pytest.param({"S3_BUCKET_NAME": "drawings"}, "AWS_REGION", id="s3 without region"),
        pytest.param({**PRODUCTION, "S3_BUCKET_NAME": "s3://x"}, "bare name", id="bucket as URL"),
        pytest.param({"SECRET_MANAGER_ENABLED": "true"}, "AWS_REGION", id="secrets, no region"),
        pytest.param({"METRICS_ENABLED": "yes"}, "true or false", id="not a boolean"),
        pytest.param({"DATABASE_URL": "nonsense"}, "sqlite:///", id="not an address"),
        pytest.param({"DATABASE_URL": "postgresql://h:x/n"}, "sqlite:///", id="port not a number"),
        pytest.param({"DATABASE_URL": "mysql://h/n"}, "postgresql", id="unknown database"),
        pytest.param({"DATABASE_URL": "sqlite://"}, "path of a file", id="in memory"),
        pytest.param(
            {"DATABASE_URL": "sqlite:////mnt/efs/x.sqlite3"}, "ENVIRONMENT=production", id="efs"
        ),
        pytest.param(
            {"DATABASE_URL": "sqlite:////mnt/./a/../efs/x.db"}, "production", id="efs, hidden"
        ),
    ],
)
def test_a_contradiction_is_refused_with_the_way_out(environ: dict[str, str], way_out: str) -> None:
    with pytest.raises(ConfigurationError, match=way_out):
        load(environ)


def test_drawings_are_kept_for_thirty_days_or_as_many_as_are_set() -> None:
    assert Settings.load({}, NOWHERE).retention_days == 30
    assert Settings.load({"RETENTION_DAYS": "90"}, NOWHERE).retention_days == 90


@pytest.mark.parametrize("days", ["0", "-1", "2.5", "forever", "10000"])
def test_days_are_a_whole_number_and_not_none(days: str) -> None:
    with pytest.raises(ConfigurationError, match="whole number of days from 1 to 9999"):
        Settings.load({"RETENTION_DAYS": days}, NOWHERE)


def test_a_request_may_hold_what_is_read_as_a_picture_or_less_if_the_package_says_so() -> None:
    assert Settings.load({}, NOWHERE).largest_upload_mb * 1024 * 1024 == MAX_BYTES
    assert Settings.load({"LARGEST_UPLOAD_MB": "9"}, NOWHERE).largest_upload_mb == 9


@pytest.mark.parametrize("megabytes", ["0", "26", "4.5", "much"])
def test_a_limit_that_no_request_can_have_is_refused(megabytes: str) -> None:
    with pytest.raises(ConfigurationError, match="LARGEST_UPLOAD_MB"):
        Settings.load({"LARGEST_UPLOAD_MB": megabytes}, NOWHERE)


def test_who_may_log_in_for_how_long_and_send_how_much_has_defaults_and_can_be_changed() -> None:
    usual = Settings.load({}, NOWHERE)
    assert (usual.login_idle_minutes, usual.login_hours, usual.uploads_per_minute) == (60, 12, 30)
    assert usual.admin_secret_name == ADMIN_SECRET_NAME
    environ = {"LOGIN_IDLE_MINUTES": "15", "LOGIN_HOURS": "1", "UPLOADS_PER_MINUTE": "0"}
    changed = Settings.load({**environ, "ADMIN_SECRET_NAME": "other/name"}, NOWHERE)
    assert (changed.login_idle_minutes, changed.login_hours) == (15, 1)
    assert (changed.uploads_per_minute, changed.admin_secret_name) == (0, "other/name")


@pytest.mark.parametrize("seconds", ["-1", "2.5", "soon", "1e3", "9999999"])
def test_seconds_are_a_whole_number(seconds: str) -> None:
    with pytest.raises(ConfigurationError, match="whole number, such as 30"):
        Settings.load({"BUNDLE_POLL_SECONDS": seconds}, NOWHERE)


def test_a_file_for_one_environment_cannot_name_the_other(tmp_path: Path) -> None:
    (tmp_path / ".env.local").write_text("ENVIRONMENT=production")
    with pytest.raises(ConfigurationError, match="remove that line"):
        load({}, tmp_path)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"AWS_REGION=\xff\xfe")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load({}, tmp_path)


def test_the_password_of_the_database_is_never_shown() -> None:
    url = "postgresql+psycopg://user:hunter2@host/name"
    assert "hunter2" not in repr(load({"DATABASE_URL": url}))
    with pytest.raises(ConfigurationError) as refusal:
        load({"DATABASE_URL": "oracle://user:hunter2@host/name"})
    assert "hunter2" not in str(refusal.value)


# Letters only besides what tells addresses and names apart; an environment holds no NUL.
WORDS = st.text("abcXYZ019 .:/-_@é\n", max_size=20)
BOOLEANS = st.sampled_from(["true", "false", "TRUE", "maybe"])
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "ENVIRONMENT": st.sampled_from(["local", "production", "LOCAL"]) | WORDS,
        "STORAGE_BACKEND": st.sampled_from(["local", "s3"]) | WORDS,
        "S3_BUCKET_NAME": st.just("drawings") | WORDS,
        "AWS_REGION": st.just("eu-central-1") | WORDS,
        "DATABASE_URL": st.sampled_from(
            ["sqlite:///a.db", "sqlite:////mnt/efs/a.db", "postgresql://h/n", "mysql://h/n"]
        )
        | WORDS,
        "DATA_DIR": st.sampled_from(["data", "/mnt/efs", "a?b#c"]) | WORDS,
        "SECRET_MANAGER_ENABLED": BOOLEANS,
        "METRICS_ENABLED": BOOLEANS,
        "AWS_LAMBDA_FUNCTION_NAME": st.just("api"),
        "ECS_CONTAINER_METADATA_URI_V4": st.just("http://169.254.170.2/v4"),
        "AWS_SAM_LOCAL": st.just("true"),
    },
)

# Those of what stands around the environment, of which each may be fit or not.
OTHER_SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "READ_ONLY": BOOLEANS,
        "KEEP_UPLOADS": BOOLEANS,
        "PUBLIC_BASE_URL": st.sampled_from(["https://a.org", "http://localhost:8000/x"]) | WORDS,
        "ORIGIN_SECRET": st.sampled_from([SECRET, f"{SECRET},{OTHER_SECRET}", ",", "a,b,c"])
        | WORDS,
        "SECURITY_CONTACT": st.sampled_from(["a@b.org", "https://a.org"]) | WORDS,
        "SOURCE_URL": st.sampled_from(["https://a.org/b", "https://a.org/b?c#d"]) | WORDS,
        "PORT": st.sampled_from(["80", "0"]) | WORDS,
        "RETENTION_DAYS": st.sampled_from(["1", "0"]) | WORDS,
        "LARGEST_UPLOAD_MB": st.sampled_from(["1", "25", "26"]) | WORDS,
        "LOGIN_IDLE_MINUTES": st.sampled_from(["1", "0", "90"]) | WORDS,
        "LOGIN_HOURS": st.sampled_from(["1", "0", "24"]) | WORDS,
        "UPLOADS_PER_MINUTE": st.sampled_from(["1", "0"]) | WORDS,
        "ADMIN_SECRET_NAME": st.just(ADMIN_SECRET_NAME) | WORDS,
    },
)


def outcome(environ: dict[str, str]) -> EnvironmentConfig | str:
    try:
        return load(environ)
    except ConfigurationError as refusal:
        return str(refusal)


def settings_or_refusal(environ: dict[str, str]) -> Settings | str:
    try:
        return Settings.load(environ, NOWHERE)
    except ConfigurationError as refusal:
        return str(refusal)


@given(SETTINGS)
def test_any_settings_give_a_consistent_configuration_or_one_sentence(
    environ: dict[str, str],
) -> None:
    result = outcome(environ)
    if isinstance(result, str):
        assert result.endswith(".")
        assert "\n" not in result
        return
    uses_s3 = result.storage_backend == "s3"
    assert not uses_s3 or result.s3_bucket_name
    if result.environment == "production":
        assert uses_s3
        assert result.aws_region
    else:
        assert "/mnt/efs" not in result.database_url


@given(SETTINGS, OTHER_SETTINGS)
def test_all_settings_together_are_consistent_or_one_sentence(
    environ: dict[str, str], others: dict[str, str]
) -> None:
    settings = settings_or_refusal(environ | others)
    if isinstance(settings, str):
        assert settings.endswith(".")
        assert "\n" not in settings
        return
    assert not (settings.environment.read_only and settings.keep_uploads)
    assert len(settings.origin_secrets) <= 2
    assert not settings.origin_secrets or settings.public_base_url
    assert all(len(secret) >= 32 for secret in settings.origin_secrets)
    assert 1 <= settings.login_idle_minutes <= 60 * settings.login_hours
    assert settings.uploads_per_minute >= 0
    assert (settings.source_url or "https://").startswith(("https://", "http://"))
    assert settings.admin_secret_name.isprintable()


@given(SETTINGS)
def test_the_same_settings_always_give_the_same_answer(environ: dict[str, str]) -> None:
    assert outcome(environ) == outcome(dict(reversed(environ.items())))


@given(SETTINGS, st.sampled_from(["local", "production"]))
def test_an_environment_that_is_named_always_wins(environ: dict[str, str], name: str) -> None:
    result = outcome({**environ, "ENVIRONMENT": name})
    assert isinstance(result, str) or result.environment == name


def test_the_journal_is_chosen_by_the_file_system_unless_it_is_set() -> None:
    assert Settings.load({}, NOWHERE).database_journal == "auto"
    assert Settings.load({"DATABASE_JOURNAL": "Delete"}, NOWHERE).database_journal == "delete"
    with pytest.raises(ConfigurationError, match="set it to auto or wal or delete"):
        Settings.load({"DATABASE_JOURNAL": "truncate"}, NOWHERE)


def test_a_read_only_database_keeps_no_uploads_and_cannot_be_asked_to() -> None:
    read_only = Settings.load({"READ_ONLY": "true"}, NOWHERE)
    assert (read_only.environment.read_only, read_only.keep_uploads) == (True, False)
    assert Settings.load({}, NOWHERE).keep_uploads
    with pytest.raises(ConfigurationError, match="set KEEP_UPLOADS=false"):
        Settings.load({"READ_ONLY": "true", "KEEP_UPLOADS": "true"}, NOWHERE)
