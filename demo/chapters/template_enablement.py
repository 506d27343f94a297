"""Somebody gets a user profile with a role of its own, which may use SageMaker's project templates from then on; when the last profile with that role
goes, it may no longer."""

from demo import people
from demo.report import Report

CHAPTER = WORKFLOW = "template_enablement"
TITLE = "Chapter 3: project templates can be used by the roles in use, and by no others"


def play(report: Report) -> None:
    """The roles of fraud-dev's domains, one more with a new profile, and the same without it again."""
    machine = report.stage.outputs()["TemplateEnablementStateMachineArn"]
    report.say("meanwhile: for each profile and each domain that was set up, the roles in use were looked at, too")
    report.new_executions(CHAPTER, WORKFLOW, machine)
    of_domains = {"DataScience", "StudioExecution"}
    report.expect(_principals(report) <= of_domains, "somebody may use the templates who has no part in fraud-dev's domains")

    sagemaker = report.stage.client("sagemaker", "fraud-dev")
    domain = people.domain_id(report, "fraud-dev", "second-lab")
    role = people.execution_role(report, "fraud-dev", "Research")
    sagemaker.create_user_profile(DomainId=domain, UserProfileName="erin", UserSettings={"ExecutionRole": role})
    report.say("fraud-dev: the user profile erin was created, with an execution role of its own, Research")
    _expect_one_green(report, machine)
    report.expect(_principals(report) == of_domains | {"Research"}, "the templates were to be usable by Research, too")

    sagemaker.delete_user_profile(DomainId=domain, UserProfileName="erin")
    report.say("fraud-dev: erin was deleted, who was the only one with that role")
    _expect_one_green(report, machine)
    report.expect(_principals(report) == of_domains, "Research was to be released, and nobody else")


def _expect_one_green(report: Report, machine: str) -> None:
    runs = report.new_executions(CHAPTER, WORKFLOW, machine)
    report.expect([run.row.status for run in runs] == ["SUCCEEDED"], f"one green execution was to run, not {[run.row.status for run in runs]}")


def _principals(report: Report) -> set[str]:
    """The names of the roles that may use SageMaker's templates in fraud-dev."""
    catalog = report.stage.client("servicecatalog", "fraud-dev")
    shares = catalog.get_paginator("list_accepted_portfolio_shares").paginate()
    portfolios = [one["Id"] for page in shares for one in page["PortfolioDetails"] if one["ProviderName"] == "Amazon SageMaker"]
    pages = [page for one in portfolios for page in catalog.get_paginator("list_principals_for_portfolio").paginate(PortfolioId=one)]
    found = {str(principal["PrincipalARN"]).rsplit("/", 1)[1] for page in pages for principal in page["Principals"]}
    print(f"       fraud-dev: templates can be used by {', '.join(sorted(found)) or 'nobody'}")
    return found
