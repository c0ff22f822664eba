"""The server: `streamlit run app.py` finds `app` here and serves `ui/main.py` through it."""

from __future__ import annotations

import gc
import gzip
import importlib
import json
import logging
import pkgutil
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

import plotly
import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from lab import problem, reward
from lab.app import close_laboratory, get_laboratory
from lab.database import StoreError
from rlhf_core.corpus import LANGUAGES
from rlhf_core.weights import CheckpointError
from ui import ballot, files
from ui.browser import BrowserCookie
from ui.errors import on_script_error
from ui.i18n import catalogue
from ui.timers import TimersWithoutClicks

HERE = Path(__file__).parent
ASSETS = {
    "plotly.min.js": (Path(plotly.__file__).parent / "package_data" / "plotly.min.js", "text/javascript"),
    "rlhf-lab-sans.woff2": (HERE / "ui" / "assets" / "rlhf-lab-sans.woff2", "font/woff2"),
}


LONGEST_ANSWER = 4096
"""Bytes of an answer; one with all reasons and the longest words of one's own takes half of that."""


async def asset(request: Request) -> Response:
    """What the pages need beside Streamlit's own files. Browsers keep it; a new version has a new address."""
    path, media_type = ASSETS[request.url.path.rpartition("/")[2]]
    headers = {"Cache-Control": "public, max-age=31536000"}
    if path.suffix == ".js" and "gzip" in request.headers.get("Accept-Encoding", ""):
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(await run_in_threadpool(packed, path), media_type=media_type, headers=headers)
    return FileResponse(path, media_type=media_type, headers=headers)


@lru_cache
def packed(path: Path) -> bytes:
    """A file as gzip, packed once: Streamlit would pack it anew for every browser, while all others wait."""
    return gzip.compress(path.read_bytes(), 6)


async def answer(request: Request) -> JSONResponse:
    """Takes an answer about a pair, and says which pair comes next: null if the page has to see for itself."""
    try:
        said = json.loads(await short_body(request, LONGEST_ANSWER))
    except (ValueError, RecursionError, ClientDisconnect):  # also what is too long, and so was not read
        said = None
    return JSONResponse(await run_in_threadpool(ballot.deliver, request.path_params["name"], said))


async def file(request: Request) -> Response:
    """Makes a file that a page offers, or says in one sentence why it can't be made."""
    status, body = await run_in_threadpool(files.deliver, request.path_params["name"])
    return Response(body, status, media_type="application/octet-stream" if status == 200 else "text/plain")


async def short_body(request: Request, most: int) -> bytes:
    """What was sent; nothing if it is longer than so many bytes, of which then no more is read."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most:
            return b""
    return body


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Open the lab when the server starts, so that unfinished runs go on before any browser comes."""
    try:
        get_laboratory()
    except StoreError as error:
        # Every page says it too, to whoever comes: they have no view of the terminal. The next look tries again.
        logging.getLogger("rlhf_lab").error("%s", error)
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    yield
    close_laboratory()


def warm_up() -> None:
    """Load what the first visitor of each page would wait for, what Home needs first. What is loaded by then stays for
    good, so the garbage collector need not walk through it again and again."""
    for language in LANGUAGES:
        catalogue(language)
        try:
            problem.of_start(language)
            reward.reference(language, "attributes")
        except CheckpointError as error:
            logging.getLogger("rlhf_lab").error("%s", error)
    for part in pkgutil.iter_modules([str(HERE / "ui")], "ui."):
        if part.name != "ui.main":  # which draws
            importlib.import_module(part.name)
    packed(ASSETS["plotly.min.js"][0])
    gc.collect()
    gc.freeze()


app = st.App(
    HERE / "ui" / "main.py",
    lifespan=lifespan,
    routes=[
        *(Route(f"/assets/{name}", asset, name=name) for name in ASSETS),
        Route(ballot.ADDRESS + "{name}", answer, methods=["POST"]),
        Route(files.ADDRESS + "{name}", file, methods=["POST"]),
    ],
    middleware=[Middleware(BrowserCookie), Middleware(TimersWithoutClicks)],
    on_script_error=on_script_error,
)
