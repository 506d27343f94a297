"""Archives keep the events of a bus, as long as they say; replays put them on the bus again, to all its rules or to some. moto keeps the archives.

Source: EventBridge API Reference, CreateArchive, StartReplay and DescribeReplay: by the time in the event, a minute of them after the other, within a
minute in no order; User Guide, "Archiving and replaying events". Not observed on AWS: how long a replay starts and runs, that an event keeps its id
and time, and that events at both ends of the range are among those replayed. AWS may take ten minutes to archive an event; here it is there at once.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.events.models import EventPattern, events_backends

from localaws.clock import Process
from localaws.cloud import AwsError, Call, Cloud, Refused, compact, follow, guard, operation
from localaws.eventbridge.buses import find_bus
from localaws.paging import page

STARTING, MINUTE = 10.0, 1.0
"""Seconds until a replay runs, and that each minute of events takes it."""

_DAY = 86_400
_HERE = "localaws/eventbridge/archives.py"
_ARRIVALS, _REPLAYS = "events:ArchivedAt", "events:Replay"

Accept = Callable[[Cloud, Any, dict[str, Any], frozenset[str] | None], None]


def keep(cloud: Cloud, rule: Any, event: dict[str, Any]) -> None:
    """Put an event into the archive that this rule of EventBridge's own fills."""
    archive = next(archive for archive in _archives(rule.account_id, rule.region_name) if archive.rule is rule)
    archive.events.append(event)
    _arrivals(cloud, archive, rule.account_id).append(cloud.clock.now)


def _archives(account: str, region: str) -> list[Any]:
    return list(events_backends[account][region].archives.values())


def _arrivals(cloud: Cloud, archive: Any, account: str) -> list[float]:
    """When each of the archive's events came, in their order."""
    found: list[float] = cloud.table(_ARRIVALS, account, archive.region).setdefault(archive.uuid, [])
    return found


@guard("events", "DescribeArchive", "ListArchives", "StartReplay")
def forget_what_is_too_old(cloud: Cloud, call: Call) -> None:
    for archive in _archives(call.account, call.region):
        arrivals, days = _arrivals(cloud, archive, call.account), int(archive.retention or 0)
        while days and arrivals and arrivals[0] <= cloud.clock.now - days * _DAY:
            arrivals.pop(0)
            archive.events.pop(0)


@follow("events", "UpdateArchive")
def update_in_full(_: Cloud, call: Call, __: dict[str, Any]) -> None:
    """moto neither takes away a description or a retention nor has its rule match the new pattern."""
    archive = events_backends[call.account][call.region].archives[call.params["ArchiveName"]]
    archive.description = call.params.get("Description", archive.description)
    archive.retention = call.params.get("RetentionDays", archive.retention)
    pattern = {**archive.event_pattern.get_pattern(), "replay-name": [{"exists": False}]}
    archive.rule.event_pattern = EventPattern.load(compact(pattern))


# -- replays


@dataclass
class Replay:
    """`first` and `last` are the ends of the range, `replayed` how far it came: moments of events."""

    name: str
    arn: str
    archive_arn: str
    destination: dict[str, Any]
    first: datetime
    last: datetime
    started: datetime
    description: str | None = None
    state: str = "STARTING"
    replayed: datetime | None = None
    ended: datetime | None = None

    def described(self) -> dict[str, Any]:
        whole = {**self.summary(), "ReplayArn": self.arn, "Destination": self.destination, "Description": self.description}
        return {name: value for name, value in whole.items() if value is not None}

    def summary(self) -> dict[str, Any]:
        told = {
            "ReplayName": self.name,
            "EventSourceArn": self.archive_arn,
            "State": self.state,
            "EventStartTime": self.first,
            "EventEndTime": self.last,
            "EventLastReplayedTime": self.replayed,
            "ReplayStartTime": self.started,
            "ReplayEndTime": self.ended,
        }
        return {name: value for name, value in told.items() if value is not None}


def start_replay(cloud: Cloud, call: Call, accept: Accept) -> dict[str, Any]:
    """Begin a replay; `accept` puts an event on a bus, for the rules of these ARNs only where there are some."""
    name, archive = call.params["ReplayName"], _archive(call)
    table = cloud.table(_REPLAYS, call.account, call.region)
    if name in table:
        raise AwsError("ResourceAlreadyExistsException", f"Replay {name} already exists.")
    first, last = (_moment(call.params[end]) for end in ("EventStartTime", "EventEndTime"))
    if first >= last:
        raise AwsError("ValidationException", "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
    replay = Replay(name, call.arn(f"replay/{name}"), archive.arn, _destination(call, archive), first, last, cloud.clock.datetime())
    replay.description = call.params.get("Description")
    table[name] = replay
    cloud.clock.process(_run(cloud, replay, archive, accept))
    return {"ReplayArn": replay.arn, "State": replay.state, "ReplayStartTime": replay.started}


def _archive(call: Call) -> Any:
    name = call.params["EventSourceArn"].rsplit("/", 1)[-1]
    archive = events_backends[call.account][call.region].archives.get(name)
    if archive is None or archive.arn != call.params["EventSourceArn"]:
        raise AwsError("ValidationException", f"Parameter EventSourceArn is not valid. Reason: Archive {name} does not exist.")
    return archive


def _destination(call: Call, archive: Any) -> dict[str, Any]:
    destination: dict[str, Any] = call.params["Destination"]
    if destination["Arn"] != archive.source_arn:
        raise AwsError("ValidationException", "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
    known = {rule.arn for rule in find_bus(destination["Arn"]).rules.values()}
    if unknown := sorted(set(destination.get("FilterArns", [])) - known):
        raise Refused(f"{call.action}: FilterArns {', '.join(unknown)}: no rule of this bus, and AWS does not say what it does ({_HERE})")
    return destination


def _moment(given: Any) -> datetime:
    """A moment of UTC: moto reads one without its zone."""
    return given.replace(tzinfo=UTC) if isinstance(given, datetime) else datetime.fromtimestamp(float(given), UTC)


def _run(cloud: Cloud, replay: Replay, archive: Any, accept: Accept) -> Process:
    yield STARTING
    if replay.state == "STARTING":
        replay.state = "RUNNING"
    only = frozenset(replay.destination["FilterArns"]) if replay.destination.get("FilterArns") else None
    for events in _by_minute(replay, archive):
        yield MINUTE
        if replay.state == "CANCELLING":
            break
        cloud.random.shuffle(events)
        for event in events:
            accept(cloud, find_bus(replay.destination["Arn"]), {**event, "replay-name": replay.name}, only)
        replay.replayed = max(datetime.fromisoformat(event["time"]) for event in events)
    replay.state, replay.ended = "CANCELLED" if replay.state == "CANCELLING" else "COMPLETED", cloud.clock.datetime()


def _by_minute(replay: Replay, archive: Any) -> list[list[dict[str, Any]]]:
    minutes = defaultdict(list)
    for event in archive.events:
        moment = datetime.fromisoformat(event["time"])
        if replay.first <= moment <= replay.last:
            minutes[moment.replace(second=0, microsecond=0)].append(event)
    return [minutes[minute] for minute in sorted(minutes)]


def _find(cloud: Cloud, call: Call) -> Replay:
    replay: Replay | None = cloud.table(_REPLAYS, call.account, call.region).get(call.params["ReplayName"])
    if replay is None:
        raise AwsError("ResourceNotFoundException", f"Replay {call.params['ReplayName']} does not exist.")
    return replay


@operation("events", "DescribeReplay")
def describe_replay(cloud: Cloud, call: Call) -> dict[str, Any]:
    return _find(cloud, call).described()


@operation("events", "ListReplays")
def list_replays(cloud: Cloud, call: Call) -> dict[str, Any]:
    prefix, state, source = (call.params.get(name) for name in ("NamePrefix", "State", "EventSourceArn"))
    if [prefix, state, source].count(None) < 2:
        text = "At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, or NamePrefix."
        raise AwsError("ValidationException", text)
    found = cloud.table(_REPLAYS, call.account, call.region).values()
    shown, token = page(
        [one for one in found if one.name.startswith(prefix or "") and state in (None, one.state) and source in (None, one.archive_arn)],
        key=lambda one: [one.name],
        scope=[call.operation, prefix, state, source],
        size=call.params.get("Limit", 100),
        token=call.params.get("NextToken"),
        wrong_token=AwsError("ValidationException", "Invalid NextToken."),
    )
    return {"Replays": [one.summary() for one in shown], **({"NextToken": token} if token else {})}


@operation("events", "CancelReplay")
def cancel_replay(cloud: Cloud, call: Call) -> dict[str, Any]:
    """What is on its way already arrives; it ends CANCELLED when it would have gone on."""
    replay = _find(cloud, call)
    if replay.state not in ("STARTING", "RUNNING"):
        raise AwsError("IllegalStatusException", f"Replay {replay.name} is not in a valid state for this operation.")
    replay.state = "CANCELLING"
    return {"ReplayArn": replay.arn, "State": replay.state}
