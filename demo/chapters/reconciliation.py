"""Events get lost. The daily reconciliation looks at everything there is, and has done what an event would have; a second one finds nothing to do and
writes nothing."""

from collections import Counter
from typing import Any

from demo import people
from demo.chapters.profile_cost_tagging import FRAUD
from demo.report import Report, Run

CHAPTER = WORKFLOW = "reconciliation"
TITLE = "Chapter 5: what no event told of is found the next morning"
SINCE = {
    "profile_cost_tagging": "erin was tagged when she was created, in chapter 3; alice's contested tag was put right on a new day",
    "domain_setup": "all units act since chapter 2, and foreign domains are corrected: the five that were only reported, or run dry, were set up",
    "template_enablement": "each of these domains ends with a look at who may use templates there",
}
"""What ran meanwhile, by workflow, and why."""

READS = ("AssumeRole", "BatchGet", "Describe", "Get", "List", "Query", "Simulate")


def play(report: Report) -> None:
    """The mornings so far; an event that is lost, found; and a morning on which nothing is to be done."""
    machine = report.stage.outputs()["ReconciliationStateMachineArn"]
    tagging = report.stage.outputs()["ProfileCostTaggingStateMachineArn"]
    report.stage.advance("24h")
    report.say("the mornings so far, at four: all domains, profiles and spaces of all accounts were looked at")
    runs = report.new_executions(CHAPTER, WORKFLOW, machine)
    report.expect({run.row.status for run in runs} == {"SUCCEEDED"}, "a reconciliation ended red")
    for workflow, why in SINCE.items():
        print(f"       {workflow}: {why}")
        report.new_executions(CHAPTER, workflow, report.stage.outputs()[_output(workflow)])

    profile = _lost(report)
    report.say("fraud-dev: somebody disabled our rule; meanwhile the user profile frank was created; then it was enabled again")
    report.expect(not report.new_executions(CHAPTER, "profile_cost_tagging", tagging), "an event that was lost started an execution")
    people.expect_tags(report, "fraud-dev", profile, {})

    report.stage.advance("24h")
    report.say("the next morning: reconciliation found frank")
    _expect_one_green(report, report.new_executions(CHAPTER, WORKFLOW, machine))
    _expect_one_green(report, report.new_executions(CHAPTER, "profile_cost_tagging", tagging))
    people.expect_tags(report, "fraud-dev", profile, FRAUD | {"ml:user": "frank"})

    before = len(report.stage.log("calls"))
    report.stage.advance("24h")
    report.say("the morning after: nothing is missing")
    _expect_one_green(report, report.new_executions(CHAPTER, WORKFLOW, machine))
    _expect_no_writes(report, report.stage.log("calls")[before:])


def _output(workflow: str) -> str:
    """The output of the hub stack that has the machine's ARN."""
    return f"{workflow.title().replace('_', '')}StateMachineArn"


def _lost(report: Report) -> str:
    """A user profile is created while nothing forwards events from fraud-dev; its ARN."""
    events, sagemaker = report.stage.client("events", "fraud-dev"), report.stage.client("sagemaker", "fraud-dev")
    rules = [rule["Name"] for rule in events.list_rules(NamePrefix="steward-")["Rules"]]
    for rule in rules:
        events.disable_rule(Name=rule)
    arn = sagemaker.create_user_profile(DomainId=people.domain_id(report, "fraud-dev", "lab"), UserProfileName="frank")["UserProfileArn"]
    report.stage.settle()
    for rule in rules:
        events.enable_rule(Name=rule)
    return str(arn)


def _expect_one_green(report: Report, runs: list[Run]) -> None:
    report.expect([run.row.status for run in runs] == ["SUCCEEDED"], f"one green execution was to run, not {[run.row.status for run in runs]}")


def _expect_no_writes(report: Report, calls: list[dict[str, Any]]) -> None:
    """Of these calls, those in members by whichever of our roles only read."""
    hub = people.account_id(report, "hub")
    ours = [call for call in calls if ":assumed-role/" in call["principal"] and call["account"] != hub]
    count = Counter(call["action"] for call in ours if f":assumed-role/{WORKFLOW}/" in call["principal"])
    print(f"       {count.total()} calls in members: {', '.join(f'{action} {number}' for action, number in sorted(count.items()))}")
    writes = {call["action"] for call in ours if not call["action"].split(":")[1].startswith(READS)}
    report.expect(count, "reconciliation did not look into any member")
    report.expect(not writes, f"nothing was missing, and yet there were calls of {', '.join(sorted(writes))}")
