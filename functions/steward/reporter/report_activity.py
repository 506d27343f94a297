"""Is this Studio app in use? Runs inside the app and says so in one tag on it. Needs Python 3.8, and boto3 or the AWS CLI to write the tag.

What is seen becomes what is said in pure steps, which whoever plays an app's day can use too (times are seconds since 1970, `at` is now):

    state = begin(at)                            # the app starts: idle since then, until something is seen
    seen = observe(at, {"kernels": at - 5})      # what each source says: when it last saw use, NEVER, or UNKNOWN where it did not answer
    state = step(state, seen)                    # once a minute (LOOK); a gap longer than SETTLE counts as use
    text = due(state, seen)                      # the tag's text where it is time to write, else None
    state = written(state, text, at)             # after a write that was done; after one that failed: refused(state, at, denied=…)

Sources: `of_kernels` (kernels as Jupyter lists them), `of_terminals` (terminals likewise), `of_shells` (processes and their terminals), `of_load`
(seconds of computing in the last five minutes, percent of the GPU), and folders. `tag_text(used, at)` is the tag's text alone.
"""

from __future__ import annotations

import calendar
import fcntl
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from stat import S_ISDIR
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

KEY = "steward:activity"
LOOK, SETTLE, BEAT = 60.0, 900.0, 3600.0
NEVER, UNKNOWN = 0.0, None
CPU_SECONDS, CPU_WINDOW, GPU_PERCENT = 60.0, 300.0, 5.0
MOST_FILES = 5000
SHELLS = {"bash", "sh", "dash", "zsh", "fish", "ksh", "csh", "tcsh", "tmux", "tmux: client", "screen", "sudo", "su"}
METADATA = "/opt/ml/metadata/resource-metadata.json"
RECOVERY = "/tmp/sagemaker-recovery-mode-home"
STRANGE = (OSError, ValueError, LookupError, TypeError, AttributeError, subprocess.SubprocessError)


class Seen(NamedTuple):
    """One look: when the app was last in use as far as anything knows, and whether everything that was asked has answered."""

    at: float
    used: float
    known: bool


class State(NamedTuple):
    """`known`: the last look that could tell. `wrote`, `wrote_idle`: the last tag, and the last one that said idle. `retry`: not before."""

    used: float
    known: float
    wrote: float = NEVER
    wrote_idle: float = NEVER
    said_idle: bool = False
    retry: float = NEVER
    failures: int = 0


class Process(NamedTuple):
    """As /proc/<pid>/stat tells it. `terminal` is the number in /dev/pts, or None; `front` the group in that terminal's foreground."""

    pid: int
    name: str
    state: str
    group: int
    session: int
    terminal: Optional[int]
    front: int
    seconds: float


def begin(at: float) -> State:
    """The app starts at `at`. Nobody has opened it yet: it is idle since then."""
    return State(used=at, known=at)


def observe(at: float, sources: Mapping[str, Optional[float]]) -> Seen:
    """One look out of what each source says. What lies in the future is a wrong clock's, and unknown."""
    times = [min(used, at) for used in sources.values() if used is not None and used <= at + LOOK]
    return Seen(at, max(times, default=NEVER), len(times) == len(sources))


def step(state: State, seen: Seen) -> State:
    """What was seen is added. Time in which nobody could tell, longer than SETTLE, was not idle."""
    if not _can_tell(seen):
        return state
    gap = seen.at - state.known > SETTLE
    return state._replace(used=seen.at if gap else max(state.used, seen.used), known=seen.at)


def due(state: State, seen: Seen) -> Optional[str]:
    """What to write now. In use is said at once, idle after SETTLE, half a beat after any other write, once a beat. Else both once a beat."""
    if not _can_tell(seen) or seen.at < state.retry:
        return None
    idle, since = seen.at - state.used >= SETTLE, seen.at - state.wrote
    rested = since >= BEAT / 2 and seen.at - state.wrote_idle >= BEAT
    if since >= BEAT or (idle != state.said_idle and (rested or not idle)):
        return tag_text(state.used, seen.at)
    return None


def _can_tell(seen: Seen) -> bool:
    return seen.known or seen.at - seen.used < SETTLE


def tag_text(used: float, at: float) -> str:
    """`active seen=…` or `idle since=… seen=…`, in UTC. A part of a second never makes the idle time longer."""
    if at - used < SETTLE:
        return "active seen=" + _utc(at)
    return "idle since=" + _utc(used + 0.999) + " seen=" + _utc(at)


def written(state: State, text: str, at: float) -> State:
    """The tag says `text` since `at`."""
    idle = text.startswith("idle")
    return state._replace(wrote=at, wrote_idle=at if idle else state.wrote_idle, said_idle=idle, retry=NEVER, failures=0)


def refused(state: State, at: float, *, denied: bool) -> State:
    """The tag could not be written: again after 1, 2, 4, 8, 16, 32 minutes and each hour; where it is denied, each hour."""
    wait = BEAT if denied else min(BEAT, 60.0 * 2 ** min(state.failures, 6))
    return state._replace(retry=at + wait, failures=state.failures + 1)


def _utc(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _seconds(text: str) -> float:
    return float(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")))


def of_kernels(kernels: Iterable[Mapping[str, Any]], at: float) -> float:
    """A kernel that computes is in use, however long nobody typed."""
    return max((at if kernel["execution_state"] == "busy" else _seconds(kernel["last_activity"]) for kernel in kernels), default=NEVER)


def of_terminals(terminals: Iterable[Mapping[str, Any]]) -> float:
    """When somebody last typed in a terminal, or something was last written there."""
    return max((_seconds(terminal["last_activity"]) for terminal in terminals), default=NEVER)


def of_load(cpu_seconds: float, gpu_percent: Optional[float], at: float) -> Optional[float]:
    """Computing is use, whatever does it. `cpu_seconds` of the last five minutes; no GPU is 0 percent."""
    if cpu_seconds >= CPU_SECONDS:
        return at
    return UNKNOWN if gpu_percent is None else at if gpu_percent >= GPU_PERCENT else NEVER


def of_shells(processes: Iterable[Process], touched: Mapping[int, float], at: float) -> float:
    """A terminal is in use while a command runs in its foreground, and when it was last touched. Only those in which a shell was started."""
    processes = list(processes)
    shells = {each.pid: each.terminal for each in processes if each.pid == each.session != 1 and each.terminal is not None and each.name in SHELLS}
    running = any(each.session in shells and each.group == each.front and each.state != "Z" and each.name not in SHELLS for each in processes)
    return at if running else max((touched.get(number, NEVER) for number in shells.values() if number is not None), default=NEVER)


def ask_jupyter(servers: Iterable[Tuple[str, str]], at: float) -> Optional[float]:
    """The first server that answers says what its kernels and terminals do. UNKNOWN where none answers."""
    for url, token in servers:
        try:
            kernels = [*_get(url, token, "kernels"), *(each["kernel"] for each in _get(url, token, "sessions") if each.get("kernel"))]
            return max(of_kernels(kernels, at), of_terminals(_get(url, token, "terminals")))
        except STRANGE:
            continue
    return UNKNOWN


def _get(url: str, token: str, what: str) -> List[Any]:
    request = urllib.request.Request(url + "api/" + what + "?no_track_activity=1", headers={"Authorization": "token " + token} if token else {})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return list(json.load(answer))
    except urllib.error.HTTPError as error:
        if what == "terminals" and error.code == 404:
            return []
        raise


def jupyter_servers(home: str) -> Iterator[Tuple[str, str]]:
    """Where SageMaker Distribution has it, then where running servers say they are (custom images, tokens)."""
    for base in ("/jupyterlab/default/", "/"):
        yield "http://127.0.0.1:8888" + base, ""
    folders = [os.environ.get("JUPYTER_RUNTIME_DIR", home), *(top + "/.local/share/jupyter/runtime" for top in (home, RECOVERY))]
    for path in (path for folder in folders for path in sorted(Path(folder).glob("jpserver-*.json"))):
        try:
            said = json.loads(path.read_text())
            yield "http://127.0.0.1:%d%s" % (said["port"], said["base_url"]), said["token"]
        except STRANGE:
            continue


def ask_editor(home: str, at: float) -> Optional[float]:
    """When Code Editor last kept something of an open file. UNKNOWN where it has no folder we know."""
    tops = [Path(top, "sagemaker-code-editor-server-data/data/User") for top in (home, "/opt/amazon/sagemaker", RECOVERY)]
    there = [top for top in tops if top.is_dir()]
    return max(last_change(top / part, at) for top in there for part in ("History", "Backups")) if there else UNKNOWN


def last_change(top: Path, at: float) -> float:
    """When a file below `top` last changed; hidden ones, other file systems and what comes after MOST_FILES are not looked at."""
    last, looked, folders = NEVER, 0, [top]
    try:
        device = top.stat().st_dev
    except OSError:
        return NEVER
    for folder in folders:
        try:
            for path in folder.iterdir():
                looked += 1
                if path.name.startswith(".") or path.name in ("node_modules", "sagemaker-code-editor-server-data", "custom-file-systems"):
                    continue
                found = path.lstat()
                if S_ISDIR(found.st_mode) and found.st_dev == device:
                    folders.append(path)
                elif last < found.st_mtime <= at:
                    last = found.st_mtime
                if looked >= MOST_FILES:
                    return last
        except OSError:
            continue
    return last


def touched_at(path: Path) -> float:
    """When a file or terminal was last written to, NEVER where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return NEVER


def processes_of(proc: Path) -> Iterator[Process]:
    """All that run here. One that ends while we look is left out."""
    tick = os.sysconf("SC_CLK_TCK")
    for folder in proc.iterdir():
        try:
            head, _, tail = (folder / "stat").read_text().rpartition(")") if folder.name.isdigit() else ("", "", "")
        except OSError:
            continue
        if head:
            said = tail.split()
            group, session, device, front = (int(each) for each in said[2:6])
            number = ((device >> 8 & 0xFFF) - 136 << 8) + (device & 0xFF | device >> 12 & 0xFFF00)
            seconds = sum(int(each) for each in said[11:15]) / tick
            yield Process(int(folder.name), head.partition("(")[2], said[0], group, session, number if number >= 0 else None, front, seconds)


def gpu_percent() -> Optional[float]:
    """The busiest GPU's load, 0 where there is none, None where it does not answer."""
    if not Path("/dev/nvidia0").exists():
        return 0.0
    try:
        ask = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        return max(map(float, subprocess.run(ask, stdout=subprocess.PIPE, timeout=20, check=True).stdout.split()))
    except STRANGE:
        return None


class Eyes:
    """Looks at the app that it runs in, and remembers how much was computed when."""

    def __init__(self, app_type: str, home: str) -> None:
        self.app_type, self.home = app_type.lower(), home
        self.total = float("inf")
        self.spent: List[Tuple[float, float]] = []

    def look(self, at: float) -> Dict[str, Optional[float]]:
        """What each source says."""
        running = list(processes_of(Path("/proc")))
        total = sum(each.seconds for each in running)
        self.spent = [(when, spent) for when, spent in self.spent if when > at - CPU_WINDOW] + [(at, max(0.0, total - self.total))]
        self.total = total
        touched = {each.terminal: touched_at(Path("/dev/pts", str(each.terminal))) for each in running if each.terminal is not None}
        home = Path(self.home)
        marks = [touched_at(folder / ".sagemaker-last-active-timestamp") for folder in (Path("/tmp"), home)]
        lab, editor = (self.app_type == name for name in ("jupyterlab", "codeeditor"))
        return {
            "app": ask_jupyter(jupyter_servers(self.home), at) if lab else ask_editor(self.home, at) if editor else UNKNOWN,
            "shells": of_shells(running, touched, at),
            "load": of_load(sum(spent for _, spent in self.spent), gpu_percent(), at),
            "files": max(last_change(home, at), last_change(home / ".jupyter/lab/workspaces", at)),
            "marks": max((mark for mark in marks if mark <= at), default=NEVER),
        }


def add_tag(arn: str, text: str) -> None:
    """Write the tag as the space's execution role, whatever keys its user keeps at home. Ends with the error where that fails."""
    if any(name.startswith("AWS_CONTAINER_CREDENTIALS_") for name in os.environ):
        os.environ.pop("AWS_PROFILE", None)
        os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    region = arn.split(":")[3]
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        command = ["aws", "sagemaker", "add-tags", "--region", region, "--resource-arn", arn, "--tags", json.dumps([{"Key": KEY, "Value": text}])]
        sys.exit(subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode)
    config = Config(connect_timeout=10, read_timeout=20, retries={"total_max_attempts": 2})
    boto3.client("sagemaker", region_name=region, config=config).add_tags(ResourceArn=arn, Tags=[{"Key": KEY, "Value": text}])


def trouble_in_adding(arn: str, text: str) -> str:
    """Writes the tag in a process of its own, so that boto3's memory is free again. Why it failed, empty where it did not."""
    try:
        command = [sys.executable, __file__, "tag", arn, text]
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120)
    except STRANGE as error:
        return repr(error)
    return (done.stderr.decode(errors="replace").strip()[-300:].split("\n")[-1] or "failed") if done.returncode else ""


def log(text: str) -> None:
    """One line for whoever looks."""
    sys.stderr.write(_utc(time.time()) + " steward-activity-reporter: " + text + "\n")
    sys.stderr.flush()


def run(folder: str, metadata: str) -> None:
    """Look and say, until the app ends. Only one of us does."""
    lock = Path(folder, "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        app = json.loads(Path(metadata).read_text())
        arn, eyes = app["ResourceArn"], Eyes(app["AppType"], os.path.expanduser("~"))
    except STRANGE as error:
        return log("ends: " + repr(error))
    os.nice(19)
    state, told = begin(time.time()), "nothing yet"
    while True:
        at = time.time()
        seen = observe(at, eyes.look(at))
        state = step(state, seen)
        text = due(state, seen)
        if text:
            trouble = trouble_in_adding(arn, text)
            state = refused(state, at, denied="AccessDenied" in trouble) if trouble else written(state, text, at)
            if trouble != told:
                log(trouble or "says " + text)
            told = trouble
        time.sleep(LOOK)


if __name__ == "__main__":
    if sys.argv[1] == "tag":
        add_tag(*sys.argv[2:4])
    elif sys.argv[1] == "look":
        print(json.dumps(Eyes(sys.argv[2], os.path.expanduser("~")).look(time.time())))
    else:
        run(sys.argv[1], os.environ.get("STEWARD_METADATA", METADATA))
