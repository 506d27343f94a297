"""Three days pass: billing learns of our tag keys, and each becomes a cost allocation tag the next morning."""

from demo.report import Report

TITLE = "Chapter 4: finance can break its costs down by our tags"
CHAPTER = WORKFLOW = "cost_key_activation"
KEYS = ("ml:cost-center", "ml:owner", "ml:project", "ml:user")


def play(report: Report) -> None:
    """Keys that wait, keys that are activated, and nothing to do."""
    machine = report.stage.outputs()["CostKeyActivationStateMachineArn"]
    for day, outcome, status in (
        ("Tuesday", "CostKeysWaiting", "Inactive"),
        ("Wednesday", "CostKeysActivated", "Active"),
        ("Thursday", "NothingToDo", "Active"),
    ):
        report.stage.advance("24h")
        report.say(f"management: it is {day}; at six in the morning the payer's cost allocation tags were looked at")
        report.new_executions(CHAPTER, WORKFLOW, machine)
        last = report.executions[-1]
        report.expect((last.workflow, last.status, last.outcome) == (WORKFLOW, "SUCCEEDED", outcome), f"{day}'s run came to {last.outcome}")
        _expect_keys(report, status)


def _expect_keys(report: Report, status: str) -> None:
    """Billing knows all of our keys by now, and they have this status."""
    payer = report.stage.client("ce", "management", "us-east-1")
    found = {tag["TagKey"]: tag["Status"] for tag in payer.list_cost_allocation_tags(TagKeys=list(KEYS))["CostAllocationTags"]}
    print(f"       {', '.join(f'{key} {value}' for key, value in sorted(found.items())) or 'no keys'}")
    report.expect(found == dict.fromkeys(KEYS, status), f"the payer's cost allocation tags are {found}")
