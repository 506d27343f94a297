"""``make demo``: play every chapter on the deployed template, and show what came of it."""

import sys
from datetime import datetime

from demo.chapters import cost_key_activation, profile_cost_tagging
from demo.report import Report
from demo.stage import Stage


def main() -> int:
    print("Deploying template.yaml and its StackSets into a local AWS organization …", flush=True)
    with Stage() as stage:
        report = Report(stage)
        start = datetime.fromisoformat(stage.settle())
        for chapter in (profile_cost_tagging, cost_key_activation):
            print(f"\n{chapter.TITLE}", flush=True)
            chapter.play(report)
        return report.finish(start)


if __name__ == "__main__":
    sys.exit(main())
