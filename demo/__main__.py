"""``make demo``: play every chapter on the deployed template, and show what came of it."""

import sys
from datetime import datetime

from demo.chapters import cost_key_activation, domain_setup, profile_cost_tagging, reconciliation, template_enablement
from demo.report import Report
from demo.stage import Stage

CHAPTERS = (profile_cost_tagging, domain_setup, template_enablement, cost_key_activation, reconciliation)


def main() -> int:
    print("Deploying template.yaml and its StackSets into a local AWS organization …", flush=True)
    with Stage() as stage:
        report = Report(stage)
        start = datetime.fromisoformat(stage.settle())
        for chapter in CHAPTERS:
            print(f"\n{chapter.TITLE}", flush=True)
            chapter.play(report)
        return report.finish(start)


if __name__ == "__main__":
    sys.exit(main())
