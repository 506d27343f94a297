"""What the platform looks like when all is done, in a form that two runs of one play can be compared by: without ids, times and orders of their own.

It is read from the state of localaws itself and not through its API, so that looking changes nothing: no call, no time, no fault, no message taken.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import sqs_backends

from localaws.billing import statuses
from localaws.catalog.core import accepted, portfolios, principals
from localaws.cloud import Cloud
from localaws.local import LocalOrganization
from localaws.states.executions import Execution, executions
from localaws.studio.core import Resource, by_arn

ANNOUNCEMENTS, FINDINGS = "announcements", "findings"
"""The queues of `Platform.watch`: what is in them was told to others, what is in any other queue was left lying."""

_SETTINGS = {"TagPropagation", "DefaultUserSettings", "DefaultSpaceSettings", "DomainSettings", "UserSettings", "SpaceSettings"}
_OF_ITS_OWN = {"id", "time", "eventID", "requestID", "eventTime", "execution", "resources", "EventId", "responseElements"}
_WAYS = {"changes", "roles_associated", "roles_released", "run", "message", "hours_saved", "money_saved"}
"""What an event says of its run: which one, and when, is a way."""
_TIMES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
_PORTFOLIOS = re.compile(r"\bport-\w{13}\b")
_HASHES = re.compile(r"-[0-9a-f]{12}(-r\d+)?\b")


@dataclass(frozen=True)
class EndState:
    """`resources`: status, tags and settings of everything in Studio, the payer's cost allocation tags, what our tables keep, and who may use project
    templates. `announcements`, `findings`: each change and each finding that was told, however often. `left`: messages that lie in queues which
    nobody reads, and how many. `reds`: the executions that did not succeed, by machine and by the Fail state they ended in (or their status).
    `outcomes`: what the green ones came to; how many there were is no part of it, since an event may come twice.
    """

    resources: dict[str, Any]
    announcements: frozenset[str]
    findings: frozenset[str]
    left: Counter[tuple[str, str]]
    reds: Counter[tuple[str, str]]
    outcomes: frozenset[tuple[str, str]]

    def differences(self, wanted: "EndState", passing: Collection[str] = ()) -> list[str]:
        """In words, what is not as in `wanted`. Executions are looked at by neither number nor colour: they are ways, not ends.

        Findings of kinds that are `passing` may be missing: what they say is so for a while only, and need not be so any more when we come to it.
        """
        arns = sorted(self.resources.keys() | wanted.resources.keys())
        there = [(arn, self.resources.get(arn), wanted.resources.get(arn)) for arn in arns]
        found = [f"{arn}: {mine}, not {others}" for arn, mine, others in there if mine != others]
        lasting = frozenset(finding for finding in wanted.findings if json.loads(finding)["kind"] not in passing)
        found += [f"never finding: {text}" for text in sorted(lasting - self.findings)]
        found += [f"finding, and should not be: {text}" for text in sorted(self.findings - wanted.findings)]
        found += [f"never announced: {text}" for text in sorted(wanted.announcements - self.announcements)]
        found += [f"announced, and should not be: {text}" for text in sorted(self.announcements - wanted.announcements)]
        found += [f"left in {queue} {count} times: {body}" for (queue, body), count in sorted((self.left - wanted.left).items())]
        found += [f"not in {queue} {count} times: {body}" for (queue, body), count in sorted((wanted.left - self.left).items())]
        return found


def end_state(local: LocalOrganization) -> EndState:
    """See the module."""
    cloud = local.cloud
    plain = _Plain(cloud)
    messages = [(queue, plain.text(part)) for queue, body in _messages() for part in (_each_change(body) if queue == ANNOUNCEMENTS else [body])]
    done = [execution for place in _places(cloud) for execution in executions(cloud, *place).values()]
    green = [execution for execution in done if execution.status == "SUCCEEDED"]
    return EndState(
        resources={plain.text(arn): (_status(resource), plain.tags(resource.tags), _settings(resource)) for arn, resource in _studio(cloud)}
        | {f"cost allocation tag {key}": status for key, status in statuses(cloud).items()}
        | {plain.text(item): plain.text(values) for item, values in _kept()}
        | {f"project templates in {account}, {region}": found for account, region in _places(cloud) if (found := _templates(cloud, account, region))},
        announcements=frozenset(body for queue, body in messages if queue == ANNOUNCEMENTS),
        findings=frozenset(plain.text(finding) for queue, body in _messages() if queue == FINDINGS for finding in _each_finding(body)),
        left=Counter(message for message in messages if message[0] not in (ANNOUNCEMENTS, FINDINGS)),
        reds=Counter((execution.machine.name, _red(execution)) for execution in done if execution.status not in ("SUCCEEDED", "RUNNING")),
        outcomes=frozenset((execution.machine.name, _outcome(execution)) for execution in green),
    )


def _places(cloud: Cloud) -> list[tuple[str, str]]:
    return [(account.id, region) for account in cloud.organization.accounts for region in cloud.organization.regions]


def _studio(cloud: Cloud) -> Iterator[tuple[str, Resource]]:
    for place in _places(cloud):
        yield from by_arn(cloud, *place).items()


def _status(resource: Resource) -> str:
    """A lifecycle configuration has none: it is there."""
    return str(resource.attributes.get("Status", ""))


def _settings(resource: Resource) -> dict[str, Any]:
    return {name: value for name, value in resource.attributes.items() if name in _SETTINGS}


def _templates(cloud: Cloud, account: str, region: str) -> list[str]:
    """Whether they are enabled, and who may use the portfolios that the account has of others."""
    of_others = [portfolios(cloud, region)[portfolio_id] for portfolio_id in accepted(cloud, account, region)]
    users = [f"{portfolio.provider}: {arn}" for portfolio in of_others for arn, _ in principals(cloud, account, region, portfolio.id)]
    return ["enabled"] * bool(cloud.table("sagemaker:Servicecatalog", account, region).get("enabled")) + sorted(users)


def _kept() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every item of every table, named by its table and keys. Of a set it is said how many there are in it: ids of events are of their own."""
    for backends in dynamodb_backends.values():
        for backend in backends.values():
            for table in backend.tables.values():
                for item in table.all_items():
                    values = {name: value.value for name, value in item.attrs.items() if name != "expires_at"}
                    keys = [str(values.pop(name)) for name in (table.hash_key_attr, table.range_key_attr) if name]
                    yield " ".join([table.name, *keys]), {name: len(value) if isinstance(value, list) else value for name, value in values.items()}


def _messages() -> Iterator[tuple[str, Any]]:
    """Every message in every queue, seen or not: its queue, and what it says as JSON where it is JSON."""
    for backends in sqs_backends.values():
        for backend in backends.values():
            for queue in backend.queues.values():
                for message in queue._messages:
                    yield queue.name, _read(message.body)


def _each_change(event: Any) -> Iterator[Any]:
    """As many events as this one tells changes, each with one of them: in how many events they are told is a way, not an end."""
    detail = {name: value for name, value in event["detail"].items() if name not in _WAYS}
    for change in event["detail"].get("changes") or [None]:
        yield {**event, "detail": {**detail, "change": change}}


def _each_finding(body: Any) -> Iterator[Any]:
    """Of a message of findings; of one of idle apps what was done to each, and not when or for how long idle."""
    yield from body.get("findings", ())
    for owner in body.get("owners", ()):
        yield from ({"kind": app["done"], "resource": app["app"], "owner": owner["owner"]} for app in owner["apps"])


def _red(execution: Execution) -> str:
    """The state that it failed in; its status, if it did not fail."""
    entered = [event for event in execution.history.events if event["type"].endswith("StateEntered")]
    return str(entered[-1]["stateEnteredEventDetails"]["name"]) if entered and execution.status == "FAILED" else execution.status


def _outcome(execution: Execution) -> str:
    output = json.loads(execution.output or "null")
    return str(output.get("outcome")) if isinstance(output, dict) else ""


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


class _Plain:
    """Takes out of a text what each run has of its own: domains are called by the order in which they came, ids and times go."""

    def __init__(self, cloud: Cloud):
        domains = sorted((resource for _, resource in _studio(cloud) if resource.kind == "Domain"), key=lambda domain: domain.number)
        self._names = {domain.name.key[0]: f"d-{number}" for number, domain in enumerate(domains, 1)}

    def text(self, value: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(self._without(value), sort_keys=True)
        for own, plain in self._names.items():
            text = text.replace(own, plain)
        return _HASHES.sub("", _TIMES.sub("<time>", _PORTFOLIOS.sub("<portfolio>", text)))

    def tags(self, tags: dict[str, str]) -> dict[str, str]:
        """When an app was last looked at, or noticed, is of each run's own."""
        return {key: _TIMES.sub("<time>", value) if key.startswith("steward:") else value for key, value in tags.items()}

    def _without(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._without(member) for name, member in value.items() if name not in _OF_ITS_OWN}
        return [self._without(item) for item in value] if isinstance(value, list) else value
