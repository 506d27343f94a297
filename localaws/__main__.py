"""``python -m localaws``: serve a local AWS organization, and drive the one that is served."""

import argparse
import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

DEFAULT = Path(__file__).with_name("organization.yaml")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except NotDone as error:
        sys.stderr.write(f"localaws: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


class NotDone(RuntimeError):
    """What was asked for cannot be done: the message says why, and what to do."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localaws", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="serve | send | plant | advance | settle | log")

    serve = verbs.add_parser("serve", help="serve an organization on loopback until interrupted")
    serve.add_argument("organization", nargs="?", type=Path, default=DEFAULT, help="its YAML file; without one, a small one without stacks")
    serve.add_argument("--port", type=int, default=0, help="a free one where not given")
    serve.add_argument("--seed", type=int, default=0, help="orders what is due at the same moment, and makes identifiers")
    serve.set_defaults(run=_serve)

    send = verbs.add_parser("send", help="put event files on the default bus of their account and Region, then settle")
    send.add_argument("files", nargs="+", type=Path, metavar="FILE")
    send.set_defaults(run=_send)

    plant = verbs.add_parser("plant", help="have Studio apps there that no call can start: of Studio Classic, of RStudio")
    plant.add_argument("files", nargs="+", type=Path, metavar="FILE", help='{"Account", "Region", "DomainId", "AppType", …}, as CreateApp names them')
    plant.set_defaults(run=_plant)

    advance = verbs.add_parser("advance", help="let virtual time pass, then settle")
    advance.add_argument("duration", type=_seconds, help="for example 90s, 30m, 2h, 1d12h")
    advance.set_defaults(run=lambda options: _drive(f"advance?seconds={options.duration}"))

    verbs.add_parser("settle", help="return when nothing is due any more").set_defaults(run=lambda _: _drive("settle"))

    log = verbs.add_parser("log", help="what happened so far, a line each")
    log.add_argument("what", choices=["executions", "calls", "deliveries", "decisions", "invocations"])
    log.add_argument("--json", action="store_true", help="JSON lines, whole")
    log.set_defaults(run=_log)
    return parser


def _seconds(text: str) -> float:
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: 90s, 30m, 2h, 1d12h")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _serve(options: argparse.Namespace) -> int:
    if not options.organization.is_file():
        raise NotDone(f"there is no organization file {options.organization}")
    from localaws.server import UNUSABLE, FolderTaken, serve  # noqa: PLC0415 - moto takes seconds to load, the other verbs do not need it

    try:
        serve(options.organization, options.port, options.seed)
    except FolderTaken as taken:
        raise NotDone(str(taken)) from taken
    except UNUSABLE as error:
        raise NotDone(f"{options.organization}: {error}") from error
    return 0


def _send(options: argparse.Namespace) -> int:
    return _drive("send", _read(options.files))


def _plant(options: argparse.Namespace) -> int:
    return _drive("plant", _read(options.files))


def _read(files: list[Path]) -> list[Any]:
    found = []
    for file in files:
        try:
            found.append(json.loads(file.read_text()))
        except (OSError, ValueError) as error:
            raise NotDone(f"{file}: {error}") from error
    return found


def _drive(path: str, body: Any = None) -> int:
    answer = _ask(path, json.dumps(body).encode())
    for failure in answer["failures"]:
        sys.stderr.write(f"localaws: while the clock ran: {failure}\n")
    sys.stdout.write(f"{answer['now']}\n")
    return 1 if answer["failures"] else 0


def _log(options: argparse.Namespace) -> int:
    try:
        for entry in _ask(f"log/{options.what}"):
            line = json.dumps(entry) if options.json else "  ".join(_short(value) for value in _brief(options.what, entry) if value not in (None, ""))
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has seen enough, as `head` does; Python would try to write the rest once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _brief(what: str, entry: dict[str, Any]) -> list[Any]:
    """What a person looks for first; `--json` has the rest."""
    if what == "executions":
        output = entry["output"] if isinstance(entry["output"], dict) else {}
        redrives = f"({entry['redrives']} {'redrive' if entry['redrives'] == 1 else 'redrives'})" if entry["redrives"] else None
        dry_run = "(dry run)" if output.get("dry_run") is True else None
        name = f"{entry['machine']}:{entry['name']}" if "map_run" in entry else entry["name"]
        return [entry["time"], entry["status"].ljust(9), name, output.get("outcome") or entry["error"], dry_run, redrives]
    return [value for name, value in entry.items() if name != "event"]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 100 else text[:99] + "…"


def _endpoint() -> str:
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        return endpoint
    file = Path("build/localaws/endpoint.json")
    if not file.is_file():
        raise NotDone("nothing is served: start `make serve` (or `python -m localaws serve FILE`), or set AWS_ENDPOINT_URL")
    return str(json.loads(file.read_text())["endpoint"])


def _ask(path: str, body: bytes | None = None) -> Any:
    endpoint = _endpoint()
    if not endpoint.startswith(("http://localhost:", "http://127.0.0.1:")):
        raise NotDone(f"{endpoint} is not on loopback")
    request = urllib.request.Request(f"{endpoint}/_localaws/{path}", data=body)  # noqa: S310 - loopback, just checked
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise NotDone(f"{path}: {error.read().decode()}") from error
    except urllib.error.URLError as error:
        raise NotDone(f"{endpoint} does not answer: {error.reason}") from error


if __name__ == "__main__":
    sys.exit(main())
