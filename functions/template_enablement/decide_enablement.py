"""What is missing before people can use project templates, and whose access is not needed any more? Writes nothing but our own records."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.parser import event_parser
from aws_lambda_powertools.utilities.typing import LambdaContext

from steward.changes import Change, Finding, Report
from steward.observability import logger
from steward.resources.accounts import Account, describe_account, member_session
from steward.resources.catalog import Portfolio, Principals, find_portfolio, principals_of, templates_are_enabled
from steward.resources.clients import MemberSession, hub_client
from steward.resources.domains import Domain, describe_domain, list_domain_ids
from steward.resources.profiles import UserProfile, describe_user_profile
from steward.resources.records import DEFAULT, PROFILE, Place, Records
from steward.resources.roles import service_role_names
from steward.resources.studio import Stage
from steward.resources.tags import read_tags
from steward.resources.usage import Look, Seen, look_and_record, look_at_all, look_at_domain, look_at_profile
from steward.rules.access import LOCATION_TAG, PRINCIPAL, Decision, decide_access, decide_location
from steward.scope import out_of_scope
from steward.settings import TemplateEnablementSettings
from steward.targets import TemplateScope
from steward.template_access import location_differs, of_reading, of_service_roles, portfolio_is_full

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_servicecatalog import ServiceCatalogClient


@logger.inject_lambda_context
@event_parser(model=TemplateScope)
def handler(scope: TemplateScope, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001  Lambda passes it
    settings = TemplateEnablementSettings.from_env()
    enter = partial(member_session, hub_client("sts"), scope.account_id, scope.region, settings.member_role_name, session_name=scope.event_id)
    report = decide_enablement(scope, settings, hub_client("organizations"), hub_client("dynamodb"), enter)
    logger.info("decided on templates", outcome=report.outcome, changes=len(report.changes), findings=len(report.findings))
    return report.as_output()


def decide_enablement(
    scope: TemplateScope,
    settings: TemplateEnablementSettings,
    organizations: "OrganizationsClient",
    dynamodb: "DynamoDBClient",
    enter: Callable[[], MemberSession],
) -> Report:
    """`NotInServiceYet` and `PortfolioNotThereYet` mean: ask again later. `PortfolioToEnable` means: apply that, and ask again later. Every other
    outcome is the end, once its changes are applied."""
    account = describe_account(organizations, scope.account_id)
    if account is None or not account.unit_ids & settings.ml_unit_ids:
        return Report("AccountOutOfScope", settings.brakes.hold(frozenset()), findings=(out_of_scope(scope.account_id),))
    held = settings.brakes.hold(account.unit_ids)
    if not account.is_active:
        return Report("AccountNotActive", held)
    member = enter()
    place = Place(dynamodb, settings.records_table, scope.account_id, scope.region)
    run = Run(scope, settings, account, place, held, member.client("sagemaker"), member.client("servicecatalog"), member.client("iam"))
    return run.decide()


@dataclass(frozen=True)
class Subject:
    """Whom the run is about, as SageMaker has it: nothing for a whole account, and `is_gone` where it is there no more."""

    domain: Domain | None = None
    profile: UserProfile | None = None
    is_gone: bool = False

    @property
    def early_end(self) -> str | None:
        """The outcome where nothing is decided; None where it is."""
        of_profile = self.profile is not None
        stage = self.profile.stage if self.profile else self.domain.stage if self.domain else None
        if self.domain is not None and self.domain.is_of_unified_studio:
            return "UnifiedStudioDomain"
        if self.is_gone:
            return None
        if stage is Stage.COMING:
            return "NotInServiceYet"
        return ("ProfileFailed" if of_profile else "DomainFailed") if stage is Stage.BROKEN else None


@dataclass(frozen=True)
class Run:
    """One look at one scope. `held`: a brake holds, so that nothing is recorded."""

    scope: TemplateScope
    settings: TemplateEnablementSettings
    account: Account
    place: Place
    held: bool
    sagemaker: "SageMakerClient"
    servicecatalog: "ServiceCatalogClient"
    iam: "IAMClient"

    def decide(self) -> Report:
        """The cheapest questions first: a profile is looked at many times while it is pending, and so is the portfolio until it is there.

        Of what is gone nothing is enabled, only released: that needs no more than the portfolio. Once an execution has enabled templates it waits for
        SageMaker to say so, and does not enable them again and again.
        """
        end = partial(Report, dry_run=self.held)
        subject = self._subject()
        if subject.early_end:
            return end(subject.early_end)
        enabled = subject.is_gone or templates_are_enabled(self.sagemaker)
        if not enabled and not self.held:
            return end("PortfolioNotThereYet") if self.scope.something_was_done else end("PortfolioToEnable", changes=self._to_enable())
        portfolio = find_portfolio(self.servicecatalog) if enabled else None
        if portfolio is None and enabled and not subject.is_gone:
            return end("PortfolioNotThereYet")
        look = self._look(self.place.read(), subject)
        if look.is_settled and portfolio is None and subject.is_gone:
            return end(self._gone())
        look, decision = self._decision(look, portfolio)
        if not look.is_settled:
            return end("NotInServiceYet")
        return self._report(subject, look.records, decision, portfolio)

    def _subject(self) -> Subject:
        """A profile is described before its domain, which need not be asked while the profile is coming."""
        if self.scope.domain_id is None:
            return Subject()
        profile = describe_user_profile(self.sagemaker, self.scope.domain_id, self.scope.user_profile_name) if self.scope.user_profile_name else None
        if profile is not None and profile.stage is Stage.COMING:
            return Subject(profile=profile)
        domain = describe_domain(self.sagemaker, self.scope.domain_id)
        of_scope = profile if self.scope.user_profile_name else domain
        return Subject(domain, profile, is_gone=of_scope is None or of_scope.stage is Stage.LEAVING)

    def _gone(self) -> str:
        return "ProfileGone" if self.scope.user_profile_name else "DomainGone"

    # -- who uses which role

    def _look(self, records: Records, subject: Subject) -> Look:
        return look_and_record(self.place, records, partial(self._seen, subject), lambda now: self._seen(self._subject(), now), held=self.held)

    def _seen(self, subject: Subject, records: Records) -> Seen:
        domain_id, name = self.scope.domain_id, self.scope.user_profile_name
        if domain_id is None:
            return look_at_all(self.sagemaker, records)
        if name is None:
            return look_at_domain(self.sagemaker, records, domain_id, subject.domain)
        return look_at_profile(records, domain_id, name, subject.profile, subject.domain)

    def _decision(self, look: Look, portfolio: Portfolio | None) -> tuple[Look, Decision]:
        """Records may be stale, since events get lost: before anything is released, all profiles are looked at. What is associated is asked after
        what is in use was recorded, always."""
        decision = self._decide_access(look.records, portfolio)
        if decision.to_release and look.is_settled and self.scope.domain_id is not None:
            everything = partial(look_at_all, self.sagemaker)
            look = look_and_record(self.place, look.records, everything, everything, held=self.held)
            decision = self._decide_access(look.records, portfolio)
        return look, decision

    def _decide_access(self, records: Records, portfolio: Portfolio | None) -> Decision:
        principals = principals_of(self.servicecatalog, portfolio) if portfolio else Principals(frozenset(), 0)
        return decide_access(records.uses, principals.roles, records.principals, principals=principals.count)

    # -- what is to be changed

    def _report(self, subject: Subject, records: Records, decision: Decision, portfolio: Portfolio | None) -> Report:
        if decision.forgotten and not self.held:
            self._forget(decision.forgotten)
        is_wide = self.scope.user_profile_name is None
        where = portfolio.arn if portfolio else self.account.arn
        changes = list(self._to_enable()) if portfolio is None else []
        changes += [Change(where, f"{PRINCIPAL}{one.role_arn}", "associated", None, one.reason) for one in decision.to_release]
        changes += [Change(where, f"{PRINCIPAL}{one.role_arn}", None, "associated", one.reason) for one in decision.to_associate]
        findings = [portfolio_is_full(where, decision.without_room)] if decision.without_room else []
        if self.settings.templates_location and is_wide and not subject.is_gone:
            tags, others = self._locations(subject, records)
            changes, findings = [*changes, *tags], [*findings, *others]
        if not subject.is_gone and (changes or is_wide):
            findings += self._of_roles(records)
        return Report(self._outcome(subject, decision, changes), self.held, changes=tuple(changes), findings=tuple(findings))

    def _forget(self, role_arns: Collection[str]) -> None:
        """Somebody may have come to use one since we looked, and another execution have associated it: then it is ours after all. Uses are recorded
        before, so that they are seen now (docs/decisions/0008)."""
        for role_arn in role_arns:
            self.place.delete_principal(role_arn)
        for role_arn in set(role_arns) & set(self.place.read().uses.values()):
            self.place.put_principal(role_arn)

    def _outcome(self, subject: Subject, decision: Decision, changes: list[Change]) -> str:
        if decision.without_room:
            return "PortfolioFull"
        if changes or self.scope.something_was_done:
            return "TemplateAccessChanged"
        return self._gone() if subject.is_gone else "NothingToDo"

    def _to_enable(self) -> tuple[Change, ...]:
        reason = "people in this account and Region are to have SageMaker's project templates"
        return (Change(self.account.arn, f"sagemaker-portfolio:{self.scope.region}", "Disabled", "Enabled", reason),)

    def _locations(self, subject: Subject, records: Records) -> tuple[list[Change], list[Finding]]:
        """The tag that says where templates of our own are, on the domains that the run is about."""
        changes, findings, wanted = [], [], self.settings.templates_location
        for domain in [subject.domain] if subject.domain else self._domains():
            if domain is None or domain.is_of_unified_studio or domain.stage is not Stage.USABLE:
                continue
            present = read_tags(self.sagemaker, domain.arn).get(LOCATION_TAG)
            location = decide_location(present, wanted, records.domain_tags.get((domain.domain_id, LOCATION_TAG)))
            if location.to_set:
                changes.append(Change(domain.arn, f"tag:{LOCATION_TAG}", present, wanted, "where the organization's own project templates are"))
            if location.is_somebody_elses:
                findings.append(location_differs(domain.arn, present or "", wanted))
        return changes, findings

    def _domains(self) -> Iterator[Domain | None]:
        return (describe_domain(self.sagemaker, domain_id) for domain_id in list_domain_ids(self.sagemaker))

    # -- what only people can put right

    def _of_roles(self, records: Records) -> Iterator[Finding]:
        location = self.settings.templates_location
        yield from of_service_roles(self.account.arn, service_role_names(self.iam), location)
        for role_arn in sorted(self._roles_in_scope(records)) if location else ():
            yield from of_reading(self.iam, role_arn, location)

    def _roles_in_scope(self, records: Records) -> set[str]:
        """A profile without a role of its own has its domain's."""
        domain_id, name = self.scope.domain_id, self.scope.user_profile_name
        uses = records.uses
        if domain_id and name:
            own = uses.get((domain_id, PROFILE + name)) or uses.get((domain_id, DEFAULT))
            return {own} if own else set()
        return {role for user, role in uses.items() if domain_id in (None, user[0])}
