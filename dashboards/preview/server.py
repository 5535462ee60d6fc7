"""Serve the preview."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse
from nicegui import app, ui

from dashboards.build import FOLDER, committed
from dashboards.preview.address import parsed
from dashboards.preview.influx import Connection, Influx
from dashboards.preview.page import Page

STYLE: Final = Path(__file__).with_name("style.css")
ICON: Final = Path(__file__).with_name("icon.svg")
TITLE: Final = "Tolbooth"


def serve(connection: Connection, host: str = "127.0.0.1", port: int = 8095, folder: Path = FOLDER) -> None:
    """Serve the boards of a folder until interrupted.

    The page asks for no password: bind it to the loopback, or put it behind something that asks for one.
    """
    boards = {board["uid"]: board for board in committed(folder)}
    _routes(boards, Influx(connection))
    print(f"Tolbooth preview: http://{_shown(host)}:{port}/")  # noqa: T201 - the command's answer to its user
    ui.run(
        host=host,
        port=port,
        title=TITLE,
        favicon=ICON,
        show=False,
        reload=False,
        tailwind=False,
        show_welcome_message=False,
        language="en-GB",
    )


def _routes(boards: Mapping[str, Mapping[str, Any]], influx: Influx) -> None:
    first = next(iter(boards))
    titles = {uid: str(board["title"]) for uid, board in boards.items()}
    app.on_startup(influx.__aenter__)
    app.on_shutdown(lambda: influx.__aexit__(None, None, None))

    @app.get("/")
    def home() -> RedirectResponse:
        return RedirectResponse(f"/d/{first}")

    @ui.page("/d/{uid}")
    def board(uid: str, request: Request) -> None:
        if uid not in boards:
            raise HTTPException(404, f"no board {uid}: there are {', '.join(boards)}")
        shown = boards[uid]
        ui.page_title(f"{shown['title']} · {TITLE}")
        ui.add_css(STYLE)
        time, refresh = shown["time"], str(shown["refresh"])
        address = parsed(uid, request.query_params.multi_items(), time["from"], time["to"], refresh)
        Page(influx, shown, titles, address).show()


def _shown(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
