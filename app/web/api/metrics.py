"""How much the site is used, and how well it serves, as JSON."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.storage.tables import now
from app.usage.metrics import By, read_history, read_metrics
from app.web.access import admin
from app.web.deps import CurrentServices

router = APIRouter(prefix="/api/metrics")


@router.get("")
@admin
def get(services: CurrentServices) -> JSONResponse:
    """``UsageMetrics`` by their names; ``about`` says what they are of."""
    return JSONResponse(read_metrics(services.stores.database, now()).as_json())


@router.get("/history")
@admin
def get_history(services: CurrentServices, by: By = "day") -> JSONResponse:
    """What was counted in each of the last 90 days, 53 ISO weeks or 36 months."""
    periods = read_history(services.stores.database, by, now())
    return JSONResponse({"by": by, "periods": [period.as_json() for period in periods]})
