"""What the steps of a sweep hand on to each other: where to look, what was found there, and what could not be looked at."""

import base64
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, Field, field_validator

from steward.changes import Finding
from steward.errors import MemberRoleNotAssumable, OutOfTime
from steward.executions import execution_name
from steward.pace import Pace, is_throttling
from steward.resources.accounts import member_session
from steward.resources.clients import MemberSession
from steward.resources.map_results import Child, read_children
from steward.rules.troubles import UNANSWERED, what_to_do

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

BYTES_OF_STARTS = 130_000
MOST_FINDINGS_OF_A_BATCH, BYTES_OF_FINDINGS = 100, 80_000
"""What a child answers has 262,144 bytes at most: a start is some 400 and packed some 30, a finding some 800 or, where it names many,
thousands. The rest is counted."""

LONGEST_MESSAGE = 1000
"""Characters of an error's message that are kept."""

SAFETY_MARGIN_MS = 15_000
"""Nothing new is begun in the last seconds before the deadline of a function: whatever was begun has to end, and the answer to be sent."""

LONGEST_BACKOFF_MS = 20_000
"""So long an SDK may wait before it tries a throttled call again
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html): where less is left than that and the margin, nobody waits for it."""

ITEMS_AT_ONCE, READS_AT_ONCE = 2, 2
"""Items of one account that are looked at at the same time, and things that are described at the same time for each: more would have SageMaker
throttle the account's own people. An item with much in it keeps no other account waiting, and leaves those of its own a way past."""


class Place(BaseModel):
    """An account in a Region. `held`: a brake keeps us from writing there. `account_tags` are the account's own, of our keys."""

    model_config = ConfigDict(frozen=True)

    account_id: str
    account_arn: str
    region: str
    account_tags: Mapping[str, str]
    held: bool
    domain_id: str | None = None


class DomainPlace(Place):
    """One domain there."""

    domain_id: str


class Found(BaseModel):
    """A domain that was found: where, and nothing that its place has already."""

    model_config = ConfigDict(frozen=True)

    account_id: str
    region: str
    domain_id: str


class Common(BaseModel):
    """What is the same for all items of a batch. `run` is the execution's name."""

    run: str


class Batch(BaseModel):
    """What a child of a Distributed Map is handed, as ItemBatcher makes it."""

    common: Common = Field(alias="BatchInput")
    items: tuple[Place, ...] = Field(alias="Items", min_length=1)


class DomainBatch(BaseModel):
    """The same, of domains."""

    common: Common = Field(alias="BatchInput")
    items: tuple[DomainPlace, ...] = Field(alias="Items", min_length=1)


class Trouble(BaseModel):
    """A line of the result: what could not be looked at, why, and what to do."""

    model_config = ConfigDict(frozen=True)

    account_id: str
    region: str
    domain_id: str | None = None
    error: str
    message: str
    what_to_do: str


class Start(BaseModel):
    """An execution of `workflow` that is to be started, since it would write something to `resource`, an ARN. `held`: a brake would keep it from
    that, so it is not."""

    model_config = ConfigDict(frozen=True)

    workflow: str
    account_id: str
    region: str
    held: bool
    resource: str
    reason: str
    domain_id: str | None = None
    user_profile_name: str | None = None
    space_name: str | None = None

    @property
    def subject(self) -> tuple[str, ...]:
        """What it is about: nothing, where it is the whole account and Region; else the domain and, of it, the profile or space."""
        inside = (f"profile/{self.user_profile_name}",) if self.user_profile_name else (f"space/{self.space_name}",) if self.space_name else ()
        return (*((self.domain_id,) if self.domain_id else ()), *inside)

    def name(self, run: str) -> str:
        """The same for each try of the same run, so that nothing is started twice."""
        word = self.user_profile_name or self.space_name or self.domain_id or self.region
        return execution_name(self.account_id, self.region, word, "reconciled", "/".join((run, self.workflow, *self.subject)))

    def input(self, run: str, time: str) -> dict[str, str]:
        """As intake would give it for an event: the run stands for the event's id, and `started_by` says that there was none."""
        subject = {"domain_id": self.domain_id, "user_profile_name": self.user_profile_name, "space_name": self.space_name}
        given = {key: value for key, value in subject.items() if value}
        return {"account_id": self.account_id, "region": self.region, **given, "event_id": run, "event_time": time, "started_by": "reconciliation"}


@dataclass(frozen=True)
class Looked:
    """What came of looking at one item, or at many: `counts` by what was counted, `domains` where domains were looked for. `starts_left` are more of
    them than could be looked at closely: the next run does."""

    counts: Counter[str]
    starts: tuple[Start, ...] = ()
    findings: tuple[Finding, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    domains: tuple[Found, ...] = ()
    starts_left: int = 0


class Answer(BaseModel):
    """What a child answers for its batch. The lists are bounded; `starts_left` could not be confirmed or told, and are found again by the next run.

    `starts` may come as text: their JSON, by zlib and base64, where it would be too long.
    """

    counts: dict[str, int] = {}
    findings_by_kind: dict[str, int] = {}
    starts: tuple[Start, ...] = ()
    findings: tuple[Finding, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    domains: tuple[Found, ...] = ()
    starts_left: int = 0

    @field_validator("starts", mode="before")
    @classmethod
    def _unpacked(cls, starts: Any) -> Any:
        return unpacked(starts)


def answer_of(looked: Sequence[Looked]) -> dict[str, Any]:
    """Of a whole batch, within what Step Functions takes. What several items have in common is one."""
    starts = list(dict.fromkeys(start for one in looked for start in one.starts))
    findings = list(dict.fromkeys(finding for one in looked for finding in one.findings))
    kept, told = _told(starts)
    answer = Answer(
        counts=dict(sum((one.counts for one in looked), Counter[str]())),
        findings_by_kind=dict(Counter(finding.kind for finding in findings)),
        findings=tuple(within(findings)),
        troubles=tuple(trouble for one in looked for trouble in one.troubles),
        domains=tuple(domain for one in looked for domain in one.domains),
        starts_left=len(starts) - kept + sum(one.starts_left for one in looked),
    )
    return {**answer.model_dump(mode="json"), "starts": told}


def _told(starts: Sequence[Start]) -> tuple[int, list[Any] | str]:
    return packed([start.model_dump(mode="json") for start in starts], BYTES_OF_STARTS)


def packed(documents: Sequence[Any], room: int) -> tuple[int, list[Any] | str]:
    """How many of them `room` bytes are enough for, and these: as they are or, where they are many, as text, of which thousands fit."""
    plain = list(documents)
    if len(json.dumps(plain)) <= room:
        return len(plain), plain
    while len(text := base64.b64encode(zlib.compress(json.dumps(plain).encode())).decode()) > room:
        plain = plain[: len(plain) * 9 // 10]
    return len(plain), text


def unpacked(told: Any) -> Any:
    """What `packed` was given, as much of it as it told."""
    return json.loads(zlib.decompress(base64.b64decode(told))) if isinstance(told, str) else told


def within(findings: Sequence[Finding]) -> Iterator[Finding]:
    """The first of them, as many as there is room for."""
    room = BYTES_OF_FINDINGS
    for one in findings[:MOST_FINDINGS_OF_A_BATCH]:
        room -= len(json.dumps(asdict(one)))
        if room < 0:
            return
        yield one


Item = TypeVar("Item", bound=Place)
Seen = TypeVar("Seen")


def door(sts: "STSClient", role_name: str, run: str) -> Callable[[str], MemberSession]:
    """The way into each member account. Whoever has come in says in which Region they look."""
    return lambda account_id: member_session(sts, account_id, sts.meta.region_name, role_name, run)


def look_at_all(
    items: Iterable[Item], enter: Callable[[str], MemberSession], look: Callable[[Item, MemberSession], Looked], remaining_ms: Callable[[], int]
) -> list[Looked]:
    """`look_at_each` for reconciliation, where a trouble is one of the things that came of looking."""
    return [Looked(Counter(), troubles=(one,)) if isinstance(one, Trouble) else one for one in look_at_each(items, enter, look, remaining_ms)]


def look_at_each(
    items: Iterable[Item],
    enter: Callable[[str], MemberSession],
    look: Callable[[Item, MemberSession], Seen],
    remaining_ms: Callable[[], int],
    workflow: str = "reconciliation",
) -> list[Seen | Trouble]:
    """Look at each item of a batch, whatever becomes of the others; one of an account that does not let us in, or for which no time is left, is a
    trouble. Each account is entered once. What is neither AWS's answer nor the way to it is a fault of ours: it ends the batch, and is seen.

    Accounts are looked at at the same time, and of each ITEMS_AT_ONCE, as fast as it answers (`Pace`). Each call begins in time: one that would not
    raises OutOfTime, of which only its item hears. `workflow` is whose sweep it is, for the advice that a trouble comes with.
    """
    items = list(items)
    sessions = _enter_each(dict.fromkeys(item.account_id for item in items), enter)

    def check_time(needed_ms: int = 0) -> None:
        if remaining_ms() < SAFETY_MARGIN_MS + needed_ms:
            raise OutOfTime("its batch took all the time there was")

    inside = _in_each_region(items, sessions, check_time)

    def look_at(item: Item) -> Seen | Trouble:
        session = inside[item.account_id, item.region]
        if isinstance(session, Exception):
            return trouble_of(item, session, workflow)
        try:
            check_time()
            return look(item, session)
        except (OutOfTime, ClientError, BotoCoreError) as error:
            return trouble_of(item, error, workflow)

    with ExitStack() as stack:
        pools = {account_id: stack.enter_context(ThreadPoolExecutor(max_workers=ITEMS_AT_ONCE)) for account_id in sessions}
        looks = [pools[item.account_id].submit(look_at, item) for item in items]
        return [one.result() for one in looks]


def _in_each_region(
    items: Iterable[Place], sessions: Mapping[str, MemberSession | Exception], check_time: Callable[[int], None]
) -> dict[tuple[str, str], MemberSession | Exception]:
    """By account and Region: items of the same have their clients in common, and those of an account the pace at which it is asked."""
    paces = {account_id: Pace() for account_id in sessions}

    def in_turn(pace: Pace) -> None:
        check_time(0)
        pace.wait()
        check_time(0)

    def hear(pace: Pace, error_code: str | None) -> None:
        pace.heard(error_code)
        if is_throttling(error_code):
            check_time(LONGEST_BACKOFF_MS)

    def inside(account_id: str, region: str) -> MemberSession | Exception:
        session, pace = sessions[account_id], paces[account_id]
        if isinstance(session, Exception):
            return session
        return replace(session, region=region, before_call=partial(in_turn, pace), after_call=partial(hear, pace))

    return {place: inside(*place) for place in dict.fromkeys((item.account_id, item.region) for item in items)}


def _enter_each(account_ids: Iterable[str], enter: Callable[[str], MemberSession]) -> dict[str, MemberSession | Exception]:
    sessions: dict[str, MemberSession | Exception] = {}
    for account_id in account_ids:
        try:
            sessions[account_id] = enter(account_id)
        except (MemberRoleNotAssumable, ClientError, BotoCoreError) as error:
            sessions[account_id] = error
    return sessions


def gather(s3: "S3Client", bucket: str, manifest_key: str) -> Answer:
    """The answers of all children of a Distributed Map as one. A child that gave none is a trouble for each of its items."""
    children = read_children(s3, bucket, manifest_key)
    return total(Answer(troubles=unanswered(child)) if child.output is None else Answer.model_validate(child.output) for child in children)


def unanswered(child: Child, item: type[Place] = Place, workflow: str = "reconciliation") -> tuple[Trouble, ...]:
    """Of a child that gave no answer: a trouble for each of its items, which are of this kind."""
    items = map(item.model_validate, child.input["Items"])
    return tuple(trouble(one, UNANSWERED, f"{child.error}: {child.cause}", workflow) for one in items)


def total(answers: Iterable[Answer]) -> Answer:
    """Many answers as one. A finding that several have in common is one, and so is a domain that was found twice."""
    answers = list(answers)
    findings = dict.fromkeys(finding for one in answers for finding in one.findings)
    return Answer(
        counts=dict(sum((Counter(one.counts) for one in answers), Counter[str]())),
        findings_by_kind=dict(sum((Counter(one.findings_by_kind) for one in answers), Counter[str]())),
        starts=tuple(start for one in answers for start in one.starts),
        findings=tuple(findings),
        troubles=tuple(trouble for one in answers for trouble in one.troubles),
        domains=tuple(dict.fromkeys(domain for one in answers for domain in one.domains)),
        starts_left=sum(one.starts_left for one in answers),
    )


def trouble_of(item: Place, error: Exception, workflow: str = "reconciliation") -> Trouble:
    """What an error that AWS answered, or that kept us from asking, is to people."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    return trouble(item, code, str(error), workflow)


def trouble(item: Place, error: str, message: str, workflow: str = "reconciliation") -> Trouble:
    """`error` is the code of AWS's answer, the name of an error, or one of rules/troubles.py."""
    return Trouble(
        account_id=item.account_id,
        region=item.region,
        domain_id=item.domain_id,
        error=error,
        message=message[:LONGEST_MESSAGE],
        what_to_do=what_to_do(error, workflow),
    )
