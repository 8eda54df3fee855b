"""Run the short blackout and print its result as JSON: what tests start in other processes."""

import json
import sys
from pathlib import Path

from scenarios.runner import run_headless
from scenarios.setup import prepare

if __name__ == "__main__":
    setup = prepare(Path(__file__).with_name("short_blackout.yaml"), seed=int(sys.argv[1]))
    print(json.dumps(run_headless(setup).result))
