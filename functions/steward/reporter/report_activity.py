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
from typing import Any, Iterable, Iterator, Mapping, NamedTuple

KEY = "steward:activity"
LOOK, SETTLE, BEAT = 60.0, 900.0, 3600.0
NEVER, UNKNOWN = 0.0, None
CPU_SECONDS, CPU_WINDOW, GPU_PERCENT = 60.0, 300.0, 5.0
CALM, NO_ANSWER = 120.0, 3
MOST_FILES = 5000
SHELLS = {"bash", "sh", "dash", "zsh", "fish", "ksh", "csh", "tcsh", "tmux", "tmux: client", "screen", "sudo", "su"}
VOLUME, OPT, EDITOR = "/home/sagemaker-user", "/opt/amazon/sagemaker", "/sagemaker-code-editor-"
STRANGE = (OSError, ValueError, LookupError, TypeError, AttributeError, MemoryError, subprocess.SubprocessError)


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
    """As /proc/<pid>/stat tells it. `terminal` is the number in /dev/pts, or None."""

    pid: int
    name: str
    state: str
    session: int
    terminal: int | None
    seconds: float


def begin(at: float) -> State:
    """The app starts at `at`. Nobody has opened it yet: it is idle since then."""
    return State(used=at, known=at)


def observe(at: float, sources: Mapping[str, float | None]) -> Seen:
    """One look out of what each source says. What lies in the future is a wrong clock's, and unknown."""
    times = [min(used, at) for used in sources.values() if used is not None and used <= at + LOOK]
    return Seen(at, max(times, default=NEVER), len(times) == len(sources))


def step(state: State, seen: Seen) -> State:
    """What was seen is added. Time in which nobody could tell, longer than SETTLE, was not idle."""
    if not _can_tell(seen):
        return state
    gap = seen.at - state.known > SETTLE
    return state._replace(used=seen.at if gap else max(state.used, seen.used), known=seen.at)


def due(state: State, seen: Seen) -> str | None:
    """What to write now. In use is said at once, idle after SETTLE, half a beat after any other write, once a beat. Else both once a beat.

    Where nobody can tell for longer than SETTLE, what was said last must not be that it is idle: somebody may be there."""
    if seen.at < state.retry:
        return None
    if not _can_tell(seen):
        return tag_text(seen.at, seen.at) if state.said_idle and seen.at - state.known > SETTLE else None
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
    return "idle since=" + _utc(-(-used // 1)) + " seen=" + _utc(at)


def written(state: State, text: str, at: float) -> State:
    """The tag says `text` since `at`."""
    idle = text.startswith("idle")
    return state._replace(wrote=at, wrote_idle=at if idle else state.wrote_idle, said_idle=idle, retry=NEVER, failures=0)


def refused(state: State, at: float, *, denied: bool) -> State:
    """The tag could not be written: again after 1, 2, 4 and each 8 minutes, while what it says still counts: somebody may be back. After 79
    minutes, and where it is denied, each hour."""
    wait = BEAT if denied or state.failures > 11 else 60.0 * 2 ** min(state.failures, 3)
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


def of_load(cpu_seconds: float, gpu_percent: float | None, at: float) -> float | None:
    """Computing is use, whatever does it. `cpu_seconds` of the last five minutes; no GPU is 0 percent."""
    if cpu_seconds >= CPU_SECONDS:
        return at
    return UNKNOWN if gpu_percent is None else at if gpu_percent >= GPU_PERCENT else NEVER


def of_shells(processes: list[Process], touched: Mapping[Any, float], at: float) -> float:
    """A terminal, not the container's console, is in use while anything but a shell runs in it, not suspended, and when it was last touched."""
    opened = {each.pid: each.terminal for each in processes if each.pid == each.session != 1 and each.terminal is not None}
    running = any(each.session in opened and each.state not in "ZT" and each.name not in SHELLS for each in processes)
    return at if running else max((touched.get(number, NEVER) for number in opened.values()), default=NEVER)


def ask_jupyter(servers: Iterable[tuple[str, str]], at: float, truth: Any = lambda kernel, _at: kernel) -> float | None:
    """All servers that answer say what their kernels and terminals do. UNKNOWN where none answers. `truth`: a kernel as it is, of one as it is said
    to be."""
    said = []
    for url, token in dict(servers).items():
        try:
            kernels = [*_get(url, token, "kernels"), *(each["kernel"] for each in _get(url, token, "sessions") if each.get("kernel"))]
            used = of_kernels([truth(kernel, at) for kernel in {each["id"]: each for each in kernels}.values()], at)
            said.append(max(used, of_terminals(_get(url, token, "terminals"))))
        except STRANGE:
            continue
    return max(said) if said else UNKNOWN


def _get(url: str, token: str, what: str) -> list[Any]:
    request = urllib.request.Request(url + "api/" + what + "?no_track_activity=1", headers={"Authorization": "token " + token} if token else {})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return list(json.load(answer))
    except urllib.error.HTTPError as error:
        if what == "terminals" and error.code == 404:
            return []
        raise


def jupyter_servers(home: str) -> Iterator[tuple[str, str]]:
    """Where SageMaker Distribution has it, then where running servers say they are (custom images, tokens)."""
    for base in ("/jupyterlab/default/", "/"):
        yield "http://127.0.0.1:8888" + base, ""
    for path in sorted(Path(os.environ.get("JUPYTER_RUNTIME_DIR", home + "/.local/share/jupyter/runtime")).glob("jpserver-*.json")):
        try:
            said = json.loads(path.read_text())
            yield "http://127.0.0.1:%d%s" % (said["port"], said["base_url"]), said["token"]
        except STRANGE:
            continue


def ask_editor(home: str, at: float) -> float | None:
    """When Code Editor last kept something of an open file. UNKNOWN where no folder we know is the one that it keeps it in: it makes History when it
    starts, and images have others of these folders for settings alone."""
    data = [top + EDITOR + "server-data/data/User" for top in (home, VOLUME, OPT)] + [OPT + EDITOR + "user-data/User"]
    there = [Path(top) for top in data if os.path.isdir(top + "/History")]
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
    for path in proc.glob("[0-9]*/stat"):
        try:
            head, _, tail = path.read_text(errors="replace").rpartition(")")
        except OSError:
            continue
        pid, _, name = head.partition(" (")
        said = tail.split()
        device = int(said[4])
        number = ((device >> 8 & 0xFFF) - 136 << 8) + (device & 0xFF | device >> 12 & 0xFFF00)
        yield Process(int(pid), name, said[0], int(said[3]), number if number >= 0 else None, sum(map(int, said[11:15])) / tick)


def gpu_percent() -> float | None:
    """The busiest GPU's load, 0 where there is none, None where it does not answer."""
    if not Path("/dev/nvidia0").exists():
        return 0.0
    try:
        ask = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        return max(map(float, subprocess.run(ask, stdout=subprocess.PIPE, timeout=20, check=True).stdout.split()))
    except STRANGE:
        return None


class Eyes:
    """Looks at the app that it runs in, and remembers how much was computed when, and which kernels were asked."""

    def __init__(self, app_type: str, home: str) -> None:
        self.app_type, self.home = app_type.lower(), home
        self.total = float("inf")
        self.spent: list[tuple[float, float]] = []
        self.calm: dict[str, tuple[float, str]] = {}

    def look(self, at: float) -> dict[str, float | None]:
        """What each source says."""
        running = list(processes_of(Path("/proc")))
        total = sum(each.seconds for each in running)
        self.spent = [(when, spent) for when, spent in self.spent if when > at - CPU_WINDOW] + [(at, max(0.0, total - self.total))]
        self.total = total
        touched = {each.terminal: touched_at(Path("/dev/pts", str(each.terminal))) for each in running if each.terminal is not None}
        home = Path(self.home)
        marks = [touched_at(folder / ".sagemaker-last-active-timestamp") for folder in (Path("/tmp"), home)]
        lab = self.app_type == "jupyterlab"
        editor = ask_editor(self.home, at) if self.app_type == "codeeditor" else UNKNOWN
        return {
            "app": ask_jupyter(jupyter_servers(self.home), at, self.truth) if lab else editor,
            "shells": of_shells(running, touched, at),
            "load": of_load(sum(spent for _, spent in self.spent), gpu_percent(), at),
            "files": max(last_change(top, at) for top in {home, Path(VOLUME), home / ".jupyter/lab/workspaces"}),
            "marks": max((mark for mark in marks if mark <= at), default=NEVER),
        }

    def truth(self, kernel: Mapping[str, Any], at: float) -> Mapping[str, Any]:
        """Servers take a kernel for idle in the midst of a cell once something was asked of it aside (debugger, resource usage): so a kernel that is
        said to be idle is asked itself, once after each time it was in use. Where it does not answer it computes; where it cannot be asked the server
        is believed. Older servers count the question as activity: what they say of the time until `calm` is what they said before."""
        name, used = kernel["id"], kernel["last_activity"]
        until, before = self.calm.get(name, (NEVER, used))
        if _seconds(used) <= until:
            return {**kernel, "last_activity": before}
        if kernel["execution_state"] != "idle" or at - _seconds(used) < CALM:
            return kernel
        if _run("kernel", name, timeout=60).returncode == NO_ANSWER:
            return {**kernel, "execution_state": "busy"}
        self.calm[name] = time.time() + 1, used
        return kernel


def ask_kernel(name: str) -> None:
    """Ends with NO_ANSWER where its shell does not answer, since it is at a cell."""
    from jupyter_client import find_connection_file
    from jupyter_client.blocking.client import BlockingKernelClient

    client = BlockingKernelClient(connection_file=find_connection_file(name))
    client.load_connection_file()
    client.start_channels()
    try:
        client.kernel_info(reply=True, timeout=5)
    except TimeoutError:
        sys.exit(NO_ANSWER)


def add_tag(arn: str, text: str) -> None:
    """Write the tag as the space's execution role, whatever keys its user keeps at home. Ends with the error where that fails."""
    if any(name.startswith("AWS_CONTAINER_CREDENTIALS_") for name in os.environ):
        os.environ.pop("AWS_PROFILE", None)
        os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
    region = arn.split(":")[3]
    try:
        import boto3
    except ImportError:
        words = ["aws", "sagemaker", "add-tags", "--region", region, "--resource-arn", arn, "--tags", json.dumps([{"Key": KEY, "Value": text}])]
        sys.exit(subprocess.call(words))
    boto3.client("sagemaker", region_name=region).add_tags(ResourceArn=arn, Tags=[{"Key": KEY, "Value": text}])


def trouble_in_adding(arn: str, text: str) -> str:
    """Writes the tag. Why it failed, empty where it did not."""
    try:
        done = _run("tag", arn, text, timeout=300)
    except STRANGE as error:
        return repr(error)
    return (done.stderr.decode(errors="replace").strip().split("\n")[-1][:300] or "failed") if done.returncode else ""


def _run(*words: str, timeout: float) -> subprocess.CompletedProcess[bytes]:
    """This program at something else, in a process of its own, so that what it loads is gone from memory again."""
    command = [sys.executable, __file__, *words]
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=timeout)


def log(text: str) -> None:
    """One line for whoever looks."""
    print(_utc(time.time()), text, file=sys.stderr, flush=True)


def run(folder: str, metadata: str) -> None:
    """Look and say, until the app ends. Only one of us does. It has any process's priority: whoever computes on all cores is in use."""
    lock = Path(folder, "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        app = json.loads(Path(metadata).read_text())
        arn, eyes = app["ResourceArn"], Eyes(app["AppType"], os.path.expanduser("~"))
    except STRANGE as error:
        return log("ends: " + repr(error))
    state, told = begin(time.time()), "?"
    while True:
        at = time.time()
        seen, trouble = looked(eyes, at)
        state = step(state, seen)
        text = due(state, seen)
        if text:
            trouble = trouble_in_adding(arn, text)
            state = refused(state, at, denied="AccessDenied" in trouble) if trouble else written(state, text, at)
        if trouble != told and (text or trouble):
            log(trouble or "says " + str(text))
            told = trouble
        time.sleep(LOOK)


def looked(eyes: Eyes, at: float) -> tuple[Seen, str]:
    """One look, and why it failed: then nobody can tell. Were the reporter to end by it, what it said last would stand."""
    try:
        return observe(at, eyes.look(at)), ""
    except STRANGE as error:
        return observe(at, {"eyes": UNKNOWN}), repr(error)


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "tag":
        add_tag(*words)
    elif what == "kernel":
        ask_kernel(*words)
    elif what == "look":
        print(json.dumps(Eyes(words[0], os.path.expanduser("~")).look(time.time())))
    else:
        run(what, os.environ.get("STEWARD_METADATA", "/opt/ml/metadata/resource-metadata.json"))
