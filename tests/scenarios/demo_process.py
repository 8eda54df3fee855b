"""Start a demo of the short blackout with the given data folder and print its links: what supervisor tests start."""

import sys
from pathlib import Path

from ops_center.ports import CannotServe
from scenarios.runs import RunError
from scenarios.setup import prepare
from scenarios.supervise import DemoConfig, demo


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    setup = prepare(Path(__file__).with_name("short_blackout.yaml"), seed=7)
    port = int(sys.argv[2]) or None
    try:
        pace = float(sys.argv[3])
        status = demo(DemoConfig(lambda: setup, Path(sys.argv[1]), port=port, pace=pace, loop=False, browser=False, say=_say))
    except (RunError, CannotServe) as error:
        sys.exit(f"{error}")
    sys.exit(status)
