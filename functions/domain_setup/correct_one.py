"""Write what DecideSetup has decided on for one thing: the tags of the domain, or the idle settings of one user profile or one space."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError
from pydantic import model_validator

from steward.changes import Change, Finding
from steward.observability import logger
from steward.resources.accounts import describe_account, member_session
from steward.resources.clients import hub_client
from steward.resources.domains import describe_domain
from steward.resources.profiles import UserProfile, describe_user_profile, update_user_profile
from steward.resources.records import Place
from steward.resources.spaces import Space, describe_space, update_space
from steward.resources.studio import Stage, StudioResource, went_meanwhile
from steward.resources.tags import add_tags, read_tags
from steward.rules.idle_settings import value_at, with_values
from steward.settings import CorrectOneSettings
from steward.setups import path_of, value_of
from steward.targets import DomainTarget

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_sagemaker import SageMakerClient


class OneToCorrect(DomainTarget):
    """`changes` are all of one resource. `is_updated`: this execution has had the answer to its update already, and waits for what comes of it."""

    changes: tuple[Change, ...]
    is_updated: bool

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if len({change.resource for change in self.changes}) != 1:
            raise ValueError("changes of one resource are to be given")
        return self

    @property
    def arn(self) -> str:
        return self.changes[0].resource

    def describe(self, sagemaker: "SageMakerClient") -> StudioResource | None:
        """As SageMaker knows it now, or None where it is gone."""
        kind, *names = self.arn.split(":")[5].split("/")
        describe: Mapping[str, Callable[..., StudioResource | None]] = {
            "domain": describe_domain,
            "user-profile": describe_user_profile,
            "space": describe_space,
        }
        return describe[kind](sagemaker, *names)


@logger.inject_lambda_context
@event_parser(model=OneToCorrect)
def handler(one: OneToCorrect, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    settings = CorrectOneSettings.from_env()
    enter = partial(member_session, hub_client("sts"), one.account_id, one.region, settings.member_role_name, session_name=one.event_id)
    place = Place(hub_client("dynamodb"), settings.records_table, one.account_id, one.region)
    state, changes = correct_one(one, settings, hub_client("organizations"), place, lambda: enter().client("sagemaker"))
    logger.info("corrected one", resource=one.arn, state=state)
    findings = [asdict(_in_use(one, changes))] if state == "InUse" else []
    return {"state": state, "changes": [asdict(change) for change in changes], "findings": findings}


def correct_one(
    one: OneToCorrect,
    settings: CorrectOneSettings,
    organizations: "OrganizationsClient",
    place: Place,
    sagemaker_of_member: Callable[[], "SageMakerClient"],
) -> tuple[str, tuple[Change, ...]]:
    """A state, and the changes that it is true of. ``Corrected`` once it is as decided. ``Updating``, or ``Busy`` with another's change: ask again.
    ``InUse``, while it is in service: a few times, then it is a finding, because an app may run for days.
    ``Gone``, ``Held``, ``Overtaken``, and ``Failed: …`` with SageMaker's reason are ends.

    What it was told is compared with what is there by now, so that whoever was cut off after an update makes no second one, and that what somebody
    else has changed since the decision stays theirs: where that is all of it, we are overtaken.
    """
    account = describe_account(organizations, one.account_id)
    if account is None or not (account.is_active and account.unit_ids & settings.ml_unit_ids) or settings.brakes.hold(account.unit_ids):
        return "Held", one.changes
    sagemaker = sagemaker_of_member()
    try:
        resource = one.describe(sagemaker)
        if resource is None or resource.stage is Stage.LEAVING:
            return "Gone", one.changes
        if isinstance(resource, UserProfile | Space):
            return _set(one, sagemaker, resource)
        return _tag(one, sagemaker, place)
    except ClientError as error:
        if went_meanwhile(error, lambda: one.describe(sagemaker)):
            return "Gone", one.changes
        raise


def _tag(one: OneToCorrect, sagemaker: "SageMakerClient", place: Place) -> tuple[str, tuple[Change, ...]]:
    """A tag that is new is recorded before it is there, and one that is not new after: cut off in between, neither is taken for the domain's own."""
    present = read_tags(sagemaker, one.arn)
    left = _not_overtaken(one, lambda change: present.get(_key(change)))
    if not left:
        return "Overtaken", one.changes
    place.put_domain_tags(one.domain_id, {_key(change): change.after or "" for change in left if change.before is None})
    add_tags(sagemaker, one.arn, {_key(change): change.after or "" for change in left})
    place.put_domain_tags(one.domain_id, {_key(change): change.after or "" for change in left if change.before is not None})
    return "Corrected", left


def _key(change: Change) -> str:
    return change.field.removeprefix("tag:")


def _not_overtaken(one: OneToCorrect, present: Callable[[Change], str | int | None]) -> tuple[Change, ...]:
    """The changes of what is still as it was when they were decided on, or as they make it already."""
    values = [(change, present(change)) for change in one.changes]
    return tuple(change for change, value in values if (None if value is None else str(value)) in (change.before, change.after))


def _set(one: OneToCorrect, sagemaker: "SageMakerClient", resource: UserProfile | Space) -> tuple[str, tuple[Change, ...]]:
    settings = resource.user_settings if isinstance(resource, UserProfile) else resource.space_settings
    if resource.stage is Stage.COMING:
        return "Updating" if one.is_updated else "Busy", one.changes
    left = _not_overtaken(one, lambda change: value_at(settings, path_of(change)))
    if not left:
        return "Overtaken", one.changes
    values = {path_of(change): value_of(change) for change in left}
    if all(value_at(settings, path) == value for path, value in values.items()):
        return "Corrected", left
    if one.is_updated or resource.stage is Stage.BROKEN:
        return f"Failed: {resource.name} is {resource.status}. SageMaker says: {resource.failure_reason or 'nothing'}", left
    update = update_user_profile if isinstance(resource, UserProfile) else update_space
    return "Updating" if update(sagemaker, one.domain_id, resource.name, with_values(settings, values)) else "InUse", left


def _in_use(one: OneToCorrect, left: tuple[Change, ...]) -> Finding:
    """SageMaker does not say what for: as far as is known, an app runs there."""
    name = one.arn.split(":")[5]
    values = ", ".join(f"{change.field} is {change.before or 'missing'}, not {change.after}" for change in left)
    message = (
        f"{name} is in use (SageMaker: ResourceInUse), most likely because an app runs there, and was not corrected: {values}. Nothing is stopped "
        "for that: once its apps have ended, the next reconciliation, or the next run for its domain, corrects it. Whoever works there can stop them."
    )
    return Finding("InUseNotCorrected", one.arn, message)
