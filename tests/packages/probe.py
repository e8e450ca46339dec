"""The application with a few more routes: what a door could spoil and no page of ours sends yet."""

import time

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from app.actions.submit import Submission, add_rows, filed, plan_keeping
from app.bootstrap import Services
from app.web.access import public
from tests.support.data.pictures import a_picture, as_bytes

SVG = '<svg xmlns="http://www.w3.org/2000/svg"><text>häuschen ✏</text></svg>'
CSV = "name,Größe\r\nhäuschen ✏,3\r\n"
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)) + b"\n%%EOF\n"


def with_probe(app: FastAPI) -> FastAPI:
    """The same application, probed."""
    app.add_api_route("/probe/cookies", public(_cookies))
    app.add_api_route("/probe/picture.svg", public(_svg))
    app.add_api_route("/probe/table.csv", public(_csv))
    app.add_api_route("/probe/report.pdf", public(_pdf))
    app.add_api_route("/probe/echo", public(_echo), methods=["GET", "POST"])
    app.add_api_route("/probe/fails", public(_fail))
    app.add_api_route("/probe/hangs", public(_hang), methods=["POST"])
    return app


def _cookies() -> Response:
    response = Response("two")
    response.set_cookie("first", "1", httponly=True)
    response.set_cookie("second", "2", samesite="strict")
    return response


def _svg() -> Response:
    return Response(SVG, media_type="image/svg+xml")


def _csv() -> Response:
    headers = {"Content-Disposition": "attachment; filename*=UTF-8''h%C3%A4uschen.csv"}
    return Response(CSV, media_type="text/csv", headers=headers)


def _pdf() -> Response:
    return Response(PDF, media_type="application/pdf")


async def _echo(request: Request) -> JSONResponse:
    body = await request.body()
    return JSONResponse(
        {
            "method": request.method,
            "query": request.query_params.multi_items(),
            "cookies": request.cookies,
            "accept": request.headers.get("accept"),
            "body": body.hex(),
        }
    )


def _hang(request: Request) -> Response:
    """Keep a drawing, and never come to the end of it."""
    services: Services = request.app.state.services
    analysis = services.analyzer.analyze(as_bytes(a_picture()), 6.5, None)
    keeping = plan_keeping(analysis)
    with filed(
        keeping, analysis, database=services.stores.database, blobs=services.stores.blobs
    ) as session:
        add_rows(session, keeping, analysis, Submission(b"", 6.5, None))
        session.flush()
        time.sleep(60)
    raise AssertionError("nobody stopped it")


def _fail() -> Response:
    raise RuntimeError("a defect")
