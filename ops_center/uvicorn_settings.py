"""How uvicorn serves, the center as the exercise. Lives here: its settings. Must not know: what is served, nor load it."""

import uvicorn
from fastapi import FastAPI

from sensors.messages import MAX_FRAME_BYTES

GRACE_S = 3


def uvicorn_config(app: FastAPI) -> uvicorn.Config:
    """Return how uvicorn serves: see the decision on the feed."""
    return uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=10.0,
        ws_ping_timeout=10.0,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=30,
        server_header=False,
        date_header=False,
        access_log=False,
        log_level="warning",
    )
