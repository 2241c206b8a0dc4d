#!/usr/bin/env python3
"""An executor in Python: finds the engine by the on-disk contract, and shows files of its parts.

Usage: executor.py TYPE/PATH...    for instance: executor.py core-engine/client/client.ftl
"""

import json
import os
import pathlib
import subprocess
import sys

CONTRACT = 1


def store() -> pathlib.Path:
    home = os.environ.get("ENGINESHED_HOME")
    if home:
        return pathlib.Path(home)
    data = os.environ.get("XDG_DATA_HOME", "")
    base = pathlib.Path(data) if os.path.isabs(data) else pathlib.Path.home() / ".local/share"
    return base / "engineshed"


def state() -> pathlib.Path:
    """The directory of the engine: NAME, one exact NAME@ID, or the active one; resolved once."""
    engine = os.environ.get("ENGINESHED_ENGINE") or os.environ.get("HAMLET_ENGINE")
    if not engine:
        return (store() / "current").resolve()
    name, _, exact = engine.partition("@")
    return (store() / "engines" / name / (exact or "active")).resolve()


def read_engine() -> dict:
    path = state() / "engine.json"
    try:
        engine = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        sys.exit(f"There is no engine at {path.parent}. Install one with: engineshed install")
    if engine["contract"] > CONTRACT:
        sys.exit(f"{path} has contract {engine['contract']}, and this knows {CONTRACT}")
    return engine


def main(asked: list) -> None:
    engine = read_engine()
    environment = {**os.environ, **engine["environment"]["set"]}
    for name in engine["environment"]["unset"]:
        environment.pop(name, None)
    parts = {part["type"]: pathlib.Path(part["directory"]) for part in engine["parts"]}
    for path in asked:
        kind, _, inside = path.partition("/")
        if kind not in parts or not (parts[kind] / inside).is_file():
            sys.exit(f"The engine {engine['name']} has no {path}")
        subprocess.run(["cat", "--", str(parts[kind] / inside)], env=environment, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
