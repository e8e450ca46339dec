"""The tables; Alembic (``migrations/``) makes them, these classes only describe them.

Portable on purpose: nothing here is SQLite's alone, so that a ``DATABASE_URL`` of PostgreSQL is
the way out for who outgrows one disk. To search text say ``icontains``: SQLite's ``LIKE`` ignores
case, PostgreSQL's does not. Refer to the classes through the module
(``tables.Analysis``): ``actions.analysis`` has an ``Analysis`` of its own, not yet stored.
"""

import secrets
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class UtcDateTime(TypeDecorator[datetime]):
    """An instant, always in UTC; SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime: whose midnight it means would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("An instant without a time zone cannot be stored.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """What a driver gives without a zone was stored as UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    """The present instant, with its zone."""
    return datetime.now(UTC)


def unguessable_id() -> str:
    """22 characters with 128 random bits: knowing the link is the permission to see the result."""
    return secrets.token_urlsafe(16)


class Base(DeclarativeBase):
    """Constraints have names, because a migration can only drop what has one."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
    }


class Drawing(Base):
    """A kept drawing; the picture itself is a blob at ``picture_key``."""

    __tablename__ = "drawings"

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=unguessable_id)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    age_years: Mapped[float]
    category: Mapped[str | None] = mapped_column(String(64))
    picture_key: Mapped[str] = mapped_column(String(255))
    picture_type: Mapped[str] = mapped_column(String(64))

    # The database cascades; loading the children only to delete them one by one would be waste.
    analyses: Mapped[list["Analysis"]] = relationship(
        back_populates="drawing",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="Analysis.id",
    )


class Analysis(Base):
    """One answer about a drawing; a later bundle adds another, none is overwritten."""

    __tablename__ = "analyses"

    id: Mapped[int] = mapped_column(primary_key=True)
    drawing_id: Mapped[str] = mapped_column(
        ForeignKey("drawings.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(default=now)
    bundle_version: Mapped[str] = mapped_column(String(64))
    bundle_sha256: Mapped[str] = mapped_column(String(64))
    result: Mapped[dict[str, Any]]
    map_key: Mapped[str | None] = mapped_column(String(255))

    drawing: Mapped[Drawing] = relationship(back_populates="analyses")


class IdempotencyKey(Base):
    """A request already answered; ``fingerprint`` tells a repeat from a reused key."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    drawing_id: Mapped[str] = mapped_column(
        ForeignKey("drawings.id", ondelete="CASCADE"), index=True
    )
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class DemoSample(Base):
    """A drawing shown in the demo; it does not cascade, so retention cannot empty the demo."""

    __tablename__ = "demo_samples"

    slug: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(String(2000))
    position: Mapped[int]
    drawing_id: Mapped[str] = mapped_column(ForeignKey("drawings.id"), index=True)

    drawing: Mapped[Drawing] = relationship()


class EnvironmentStamp(Base):
    """Which environment made this database; at most one row."""

    __tablename__ = "environment_stamp"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    environment: Mapped[str] = mapped_column(String(32))
    made_at: Mapped[datetime] = mapped_column(default=now)


class Job(Base):
    """Work that is due; whoever holds the lease does it, and after ``leased_until`` anyone may.

    ``unique_key`` lets a schedule ask for the same work many times and get it once. A job that
    was given up is finished and has a ``last_error``; one that was done has none.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "finished_at", "run_after"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    unique_key: Mapped[str] = mapped_column(String(255), unique=True)
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)
    run_after: Mapped[datetime] = mapped_column(default=now)
    leased_until: Mapped[datetime | None]
    lease_holder: Mapped[str | None] = mapped_column(String(64))
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(String(1000))
    finished_at: Mapped[datetime | None]
    # The request that asked for it, if one did.
    correlation_id: Mapped[str | None] = mapped_column(String(128))


class Removal(Base):
    """A blob that is to be deleted, written in the transaction that removes the rows it was for."""

    __tablename__ = "removals"

    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(default=now, index=True)


class AdminLogin(Base):
    """A login of the admin; ``id`` is the SHA-256 of what the browser holds, in hex.

    It is live only as long as the ``epoch`` is the one that logins are made under.
    """

    __tablename__ = "admin_logins"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    epoch: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime] = mapped_column(default=now)
    country: Mapped[str | None] = mapped_column(String(2))


class ApiToken(Base):
    """A researcher's token; ``digest`` is its SHA-256 in hex. It stays when it is revoked."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    per_minute: Mapped[int]


class LoginAttempts(Base):
    """Wrong passwords of one client, or of all for the account; ``who`` is no address.

    ``waits_since`` is when it was first turned away because of what others did.
    """

    __tablename__ = "login_attempts"

    who: Mapped[str] = mapped_column(String(64), primary_key=True)
    wrong: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime] = mapped_column(default=now, index=True)
    waits_since: Mapped[datetime | None]


class KnownSecret(Base):
    """The hash of the admin's password when it could last be read; at most one row."""

    __tablename__ = "known_secret"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    hash: Mapped[str] = mapped_column(String(255))
    epoch: Mapped[int]
    read_at: Mapped[datetime]


class Configuration(Base):
    """What the admin has set; at most one row, none before the first change.

    ``level`` is the p-value up to which drawings are flagged.
    """

    __tablename__ = "configuration"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    level: Mapped[float]
    changed_at: Mapped[datetime] = mapped_column(default=now)


class UsageDay(Base):
    """What happened on one day of UTC; it stays when drawings go.

    ``unkept`` are among the ``analyses``, ``failures`` are not. ``server_errors`` are answers of
    5xx to other requests than failed analyses. Times are sums, in microseconds. ``visits`` are
    different visitors.
    """

    __tablename__ = "usage_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    analyses: Mapped[int] = mapped_column(default=0)
    unkept: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    processing_us: Mapped[int] = mapped_column(BigInteger, default=0)
    requests: Mapped[int] = mapped_column(default=0)
    server_errors: Mapped[int] = mapped_column(default=0)
    response_us: Mapped[int] = mapped_column(BigInteger, default=0)
    visits: Mapped[int] = mapped_column(default=0)


class UsageHour(Base):
    """What a rolling day or month is told from; it goes after five weeks.

    ``up`` and ``down`` have a bit for each five minutes of the hour, the lowest for the first: some
    process said that it served, or that it could not. With neither nobody knows.
    """

    __tablename__ = "usage_hours"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    requests: Mapped[int] = mapped_column(default=0)
    server_errors: Mapped[int] = mapped_column(default=0)
    up: Mapped[int] = mapped_column(default=0)
    down: Mapped[int] = mapped_column(default=0)


class UsageVisit(Base):
    """That somebody was here on that day, so that they are counted once; it goes after a week.

    ``digest`` is a hash under the day's salt, which is never in the database and is destroyed.
    """

    __tablename__ = "usage_visits"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)


class UsageCountry(Base):
    """How many of a day's visits came from a country by ISO 3166; ``ZZ`` if that is unknown."""

    __tablename__ = "usage_countries"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    visits: Mapped[int] = mapped_column(default=0)


# One row an analysis, for trends and drift. It stays when drawings go, and so has no id, no
# time, and no figure as exact as those of the result.
USAGE_ANALYSES = Table(
    "usage_analyses",
    Base.metadata,
    Column("day", Date, nullable=False, index=True),
    Column("age_years", Integer, nullable=False),
    Column("category_known", Boolean, nullable=False),
    Column("p_value", Double),
    Column("terms", JSON(none_as_null=True)),
    Column("bundle", String(64), nullable=False),
    Column("domain_matched", Boolean, nullable=False),
)


class SchemaCompatibility(Base):
    """The newest revision known to the oldest code that can run on this schema; one row."""

    __tablename__ = "schema_compatibility"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    oldest_code: Mapped[str] = mapped_column(String(32))
