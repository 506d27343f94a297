"""Somebody makes Studio domains by hand, which cost more than they should. At first they are only reported; then the platform team has them
corrected, beginning with the development accounts."""

from demo import people
from demo.report import Report

CHAPTER = WORKFLOW = "domain_setup"
TITLE = "Chapter 2: Studio domains that somebody made by hand are reported, then set up"


def play(report: Report) -> None:
    """A domain that is only reported, and the same again after a deployment: one account in the ring that acts, one outside of it."""
    machine = report.stage.outputs()["DomainSetupStateMachineArn"]
    report.say("meanwhile: the three domains of the chapter before were looked at, too")
    _expect_only_told(report, machine, executions=3)

    role = people.execution_role(report, "fraud-dev", "DataScience")
    lab = people.domain(report, "fraud-dev", role, "lab")
    report.say("fraud-dev: somebody made the domain lab by hand: no tag propagation, no idle shutdown")
    _expect_only_told(report, machine, executions=1)
    _expect_settings(report, "fraud-dev", lab, set_up=False)

    development = people.unit_id(report, "ML", "Dev")
    # Nobody has an app before chapter 6: until then the hourly look for idle ones would only take time.
    report.stage.change_parameters(ForeignDomains="correct", ActingOrganizationalUnitIds=development, IdleAppShutdownSchedule="cron(0 0 1 1 ? *)")
    report.say("hub: the platform team deployed ForeignDomains=correct; only the development accounts act")

    dev = people.domain(report, "fraud-dev", role, "second-lab")
    prod = people.domain(report, "pricing-prod", people.execution_role(report, "pricing-prod", "DataScience"), "lab")
    report.say("fraud-dev and pricing-prod: somebody made a domain by hand, in each")
    runs = report.new_executions(CHAPTER, WORKFLOW, machine)
    told = {run.row.account: (run.row.status, run.output["dry_run"]) for run in runs}
    wanted = {people.account_id(report, "fraud-dev"): ("SUCCEEDED", False), people.account_id(report, "pricing-prod"): ("SUCCEEDED", True)}
    report.expect(told == wanted, f"one was to be corrected and the other to run dry, not {told}")
    _expect_settings(report, "fraud-dev", dev, set_up=True)
    _expect_settings(report, "pricing-prod", prod, set_up=False)

    report.stage.change_parameters(ActingOrganizationalUnitIds="all")
    report.say("hub: the run in pricing-prod said what it would have done; now all units act")


def _expect_only_told(report: Report, machine: str, executions: int) -> None:
    """What these domains lack was said, and nothing written."""
    runs = report.new_executions(CHAPTER, WORKFLOW, machine)
    report.expect(len(runs) == executions, f"{executions} executions were to run, not {len(runs)}")
    for run in runs:
        report.expect((run.row.status, run.row.changes) == ("SUCCEEDED", 0), f"{run.row.name} ended {run.row.status} with {run.row.changes} changes")
        report.expect("ForeignDomainDiffers" in run.kinds, f"nobody was told of the domain of {run.row.name}")


def _expect_settings(report: Report, account: str, domain: str, *, set_up: bool) -> None:
    """Tags are propagated and idle apps stopped in this domain, or neither."""
    found = report.stage.client("sagemaker", account).describe_domain(DomainId=domain)
    idle = {
        app: found["DefaultUserSettings"].get(f"{app}AppSettings", {}).get("AppLifecycleManagement", {}).get("IdleSettings", {})
        for app in ("JupyterLab", "CodeEditor")
    }
    settings = {app: f"stops after {given['IdleTimeoutInMinutes']} idle minutes" for app, given in idle.items() if given}
    told = ", ".join(f"{app} {what}" for app, what in settings.items()) or "no idle shutdown"
    print(f"       {account}, {found['DomainName']}: tag propagation {found['TagPropagation']}, {told}")
    report.expect(found["TagPropagation"] == ("ENABLED" if set_up else "DISABLED"), f"{domain} has TagPropagation {found['TagPropagation']}")
    report.expect(set(settings) == (set(idle) if set_up else set()), f"{domain} has idle shutdown of {sorted(settings)}")
