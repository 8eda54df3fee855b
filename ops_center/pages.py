"""The console's files, as Vite built them into `ops_center/console`. Lives here: safe paths, caching, what to say without them.

Must not know: what is on the pages. Nothing outside the folder is served: no dots, no backslashes, no links out of it.
"""

from pathlib import Path
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from ops_center.guards import Problem

CONSOLE = Path(__file__).parent / "console"
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".txt": "text/plain",
    ".map": "application/json",
    ".webmanifest": "application/manifest+json",
}
MAX_LINKED = 16_384  # characters of a linked query
NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>cityops</title>
<style>body { background: #0b0f14; color: #cdd6e0; font: 16px/1.6 sans-serif; max-width: 40em; margin: 10vh auto }</style>
<h1>cityops</h1>
<p>The center is running, but the console has not been built on this machine.</p>
<p lang="vi">Trung tâm đang chạy, nhưng bảng điều khiển chưa được dựng trên máy này.</p>
<pre>cd web &amp;&amp; npm ci &amp;&amp; npm run build</pre>
<p>or install the package with <code>pip install .</code>, which builds it.
The API is described at <code>/openapi.json</code>.</p>"""


def safe_file(root: Path, name: str) -> Path | None:
    """Return the file of that name inside `root`, None if there is none or the name tries to leave it."""
    if "\\" in name or "\x00" in name or len(name) > 300 or any(part in ("", ".", "..") for part in name.split("/")):
        return None
    path = (root / name).resolve()
    return path if path.is_relative_to(root.resolve()) and path.is_file() and path.suffix in TYPES else None


def console_router(root: Path = CONSOLE, index: str = "index.html") -> APIRouter:
    """Return routes for `/`, `/lab`, `/graph` and every built file; include it last."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def front() -> Response:
        path = safe_file(root, index)
        return HTMLResponse(NOT_BUILT) if path is None else _file(path)

    @router.get("/lab")
    async def lab() -> Response:
        path = safe_file(root, "lab.html")
        return HTMLResponse(NOT_BUILT) if path is None else _file(path)

    @router.get("/graph")
    async def graph(request: Request) -> Response:
        """Links to a query as Prometheus makes them, such as an alert's `generatorURL`, open the lab."""
        query = urlencode({"q": request.query_params.get("g0.expr", "")[:MAX_LINKED]}, quote_via=quote)
        return RedirectResponse(f"lab#{query}", 302)

    @router.get("/{name:path}")
    async def built(name: str) -> Response:
        path = safe_file(root, name)
        if path is None or name.startswith(("api/", "prometheus/", "wall/", "runs/")):
            raise Problem(404, f"there is nothing at /{name[:100]}")
        return _file(path)

    return router


def _file(path: Path) -> Response:
    hashed = path.parent.name == "assets"  # Vite names them by content
    headers = {"cache-control": "public, max-age=31536000, immutable" if hashed else "no-cache"}
    return FileResponse(path, headers=headers, media_type=TYPES[path.suffix])
