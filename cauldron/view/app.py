"""The viewer as a web application; it answers only requests that name this machine itself."""

from __future__ import annotations

import io
import re
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode

import jinja2
from PIL import Image
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from cauldron.curate.lists import read_ids
from cauldron.errors import CauldronError, UsageError
from cauldron.lineage import explain
from cauldron.media.images import ImageError, open_rgb
from cauldron.view.marks import LISTS, mark, marks_url
from cauldron.view.table import PAGE, Query, SampleTable

SIDES = (256, 1024)
_SHORT = 260
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_ASSETS = {"style.css": "text/css", "view.js": "text/javascript"}


class Viewer:
    """The pages over one work folder.

    Args:
        key: a secret that pages carry, so that other sites can mark nothing.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self.table = SampleTable(place)
        self.key = secrets.token_urlsafe(16)
        self._pages = jinja2.Environment(
            loader=jinja2.PackageLoader("cauldron.view"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def page(self, name: str, **facts: Any) -> HTMLResponse:
        """Return a page from its template."""
        title = self.place.rstrip("/").rpartition("/")[2]
        text = self._pages.get_template(name).render(title=title, key=self.key, **facts)
        return HTMLResponse(text.encode("utf-8", "replace"))

    def marks(self) -> dict[str, frozenset[str]]:
        """Return both lists."""
        return {name: read_ids(marks_url(self.place, name)) for name in LISTS}

    def results(self, told: Mapping[str, str]) -> HTMLResponse:
        """Return the page of results."""
        marks = self.marks()
        query = _query(told, marks)
        found = self.table.find(query)
        cards = [self._card(row, marks) for row in found.rows]
        last = max((found.total - 1) // PAGE, 0)
        return self.page(
            "results.html.j2",
            cards=cards,
            found=found,
            query=query,
            told=defaultdict(str, told),
            size=len(self.table),
            sources=self.table.sources(),
            reasons=self.table.reasons(),
            numbers=self._signals(),
            words=self.table.words,
            marks={name: len(ids) for name, ids in marks.items()},
            before=_link(told, query.page - 1) if query.page else "",
            after=_link(told, query.page + 1) if query.page < last else "",
            pages=last + 1,
        )

    def sample(self, sample_id: str) -> HTMLResponse:
        """Return the page of one sample: as it reads, and why it is where it is."""
        row = self.table.find_id(sample_id)
        if row is None:
            raise UsageError(f"no sample '{sample_id}'")
        sample = self.table.sample(row["source"], row["part"], row["row"])
        messages, number = [], 0
        for message in sample["messages"]:
            parts = []
            for part in message["content"]:
                is_image = part["type"] == "image"
                parts.append({"image": number} if is_image else {"text": part["text"] or ""})
                number += is_image
            messages.append({"role": message["role"], "parts": parts})
        marks = self.marks()
        return self.page(
            "sample.html.j2",
            row=row,
            sample=sample,
            messages=messages,
            why=_told(explain(self.place, sample_id)),
            marked=next((name for name in LISTS if sample_id in marks[name]), ""),
        )

    def picture(self, source: str, part: str, row: int, number: int, side: int) -> Response:
        """Return one picture, decoded safely and encoded anew at a smaller size."""
        images = self.table.sample(source, part, row)["images"] or []
        if number >= len(images) or side not in SIDES:
            return PlainTextResponse("no such picture", 404)
        try:
            picture = open_rgb(images[number]["bytes"] or b"")
        except ImageError as error:
            return PlainTextResponse(error.reason, 404)
        picture.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=85)
        cached = {"Cache-Control": "private, max-age=86400"}
        return Response(out.getvalue(), media_type="image/jpeg", headers=cached)

    def _card(self, row: Mapping[str, Any], marks: Mapping[str, frozenset[str]]) -> dict[str, Any]:
        sample = self.table.sample(row["source"], row["part"], row["row"])
        said = []
        for message in sample["messages"]:
            words = " ".join(p["text"] or "" for p in message["content"] if p["type"] == "text")
            if words.strip():
                said.append(
                    (message["role"], words[:_SHORT] + ("…" if len(words) > _SHORT else ""))
                )
        marked = next((name for name in LISTS if row["id"] in marks[name]), "")
        return {**row, "said": said[:2], "pictures": len(sample["images"] or []), "marked": marked}

    def _signals(self) -> list[str]:
        names = [n.removesuffix(".min").removesuffix(".max") for n in self.table.numbers]
        return sorted(dict.fromkeys(names))


def _query(told: Mapping[str, str], marks: Mapping[str, frozenset[str]]) -> Query:
    ranges: dict[str, tuple[float | None, float | None]] = {}
    for number in ("1", "2", "3"):
        name = told.get(f"signal{number}", "")
        if name:
            ranges[name] = _number(told.get(f"min{number}")), _number(told.get(f"max{number}"))
    words = {told["word"]: told.get("value", "")} if told.get("word") else {}
    return Query(
        source=told.get("source", ""),
        reason=told.get("reason", ""),
        ranges=ranges,
        words=words,
        text=told.get("text", "")[:200],
        among=marks.get(told.get("list", "")),
        sort=told.get("sort", ""),
        page=int(told["page"]) if told.get("page", "").isdigit() else 0,
    )


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        raise UsageError(f"'{text}' is no number") from None


def _link(told: Mapping[str, str], page: int) -> str:
    return "?" + urlencode({**told, "page": str(page)})


def _told(found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the facts of a sample in order, nested ones as pairs."""
    shown = ("origin", "license", "roots", "extra", "decisions", "duplicates", "benchmarks")
    rest = [key for key in found if key not in shown and key not in ("id", "found", "signals")]
    return [(k, found[k]) for k in (*shown, *rest, "signals") if found.get(k) not in (None, "", [])]


Handler = Callable[[Request], Awaitable[Response]]


def application(place: str) -> Starlette:
    """Return the application for a work folder.

    Raises:
        StorageError: if the folder holds no samples.
    """
    viewer = Viewer(place)

    def guarded(answer: Callable[[Request, str], Response]) -> Handler:
        async def handler(request: Request) -> Response:
            host = re.sub(r":\d+$", "", request.headers.get("host", ""))
            if host not in ("127.0.0.1", "localhost", "[::1]"):
                return PlainTextResponse("this page is for this machine only", 403)
            body = (await request.body()).decode("utf-8", "replace")
            try:
                response = await run_in_threadpool(answer, request, body)
            except CauldronError as error:
                response = viewer.page("fault.html.j2", fault=str(error))
                response.status_code = 400
            response.headers.update(_HEADERS)
            return response

        return handler

    def results(request: Request, body: str) -> Response:
        return viewer.results({k: v for k, v in request.query_params.items() if v})

    def sample(request: Request, body: str) -> Response:
        return viewer.sample(request.path_params["id"])

    def picture(request: Request, body: str) -> Response:
        place = request.path_params
        return viewer.picture(
            place["source"], place["part"], place["row"], place["number"], place["side"]
        )

    def marking(request: Request, body: str) -> Response:
        told = parse_qs(body)
        if not secrets.compare_digest(told.get("key", [""])[0], viewer.key):
            return PlainTextResponse("not from a page of this viewer", 403)
        name, on = told.get("list", [""])[0], told.get("on", ["1"])[0] == "1"
        ids = [text for text in told.get("id", ()) if viewer.table.find_id(text)]
        return JSONResponse({"list": name, "size": len(mark(place, name, ids, on)), "on": on})

    def asset(request: Request, body: str) -> Response:
        name = request.path_params["name"]
        if name == "favicon.ico":
            return Response(status_code=204)
        if name not in _ASSETS:
            return PlainTextResponse("no such file", 404)
        source, _, _ = viewer._pages.loader.get_source(viewer._pages, name)  # type: ignore[union-attr]
        return Response(source, media_type=_ASSETS[name])

    at = "/picture/{side:int}/{source}/{part}/{row:int}/{number:int}"
    return Starlette(
        routes=[
            Route("/", guarded(results)),
            Route("/sample/{id:path}", guarded(sample)),
            Route(at, guarded(picture)),
            Route("/mark", guarded(marking), methods=["POST"]),
            Route("/{name}", guarded(asset)),
        ]
    )


def serve(place: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the viewer on this machine until it is interrupted.

    Args:
        port: 0 takes a free one.
    """
    import socket

    import uvicorn

    listening = socket.create_server(("127.0.0.1", port))
    app = application(place)
    say(f"http://127.0.0.1:{listening.getsockname()[1]}/")
    settings = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(settings).run(sockets=[listening])
