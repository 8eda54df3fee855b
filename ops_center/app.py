"""The center as an ASGI application: runs behind guards. Lives here: what is mounted where. Must not know: what any route does.

Every route is there twice: under its short address, which means the default run, and under `/runs/{run}/cities/{city}`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from ops_center import ingest, prometheus_api
from ops_center.api import city, feed, judgement, operate, rules, session
from ops_center.guards import Guard, GuardConfig, add_error_handlers
from ops_center.host import Host
from ops_center.pages import CONSOLE, console_router

LONG = "/runs/{run}/cities/{city}"
ROUTERS = (session.router, city.router, judgement.router, operate.router, rules.router, feed.router, prometheus_api.router)


def create_app(host: Host, guard: GuardConfig = GuardConfig(), console: Path = CONSOLE) -> FastAPI:  # noqa: B008  # frozen value
    """Return the application of a host's runs; it opens and closes them with its lifespan."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await host.start()
        try:
            yield
        finally:
            await host.close()

    app = FastAPI(title="cityops operations center", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.host, app.state.strangers = host, []
    add_error_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
        app.include_router(router, prefix=LONG, include_in_schema=False)
    app.include_router(ingest.router)
    app.include_router(console_router(console))
    app.add_middleware(Guard, config=guard)
    return app
