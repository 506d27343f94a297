"""``make demo``: play every chapter on the deployed template, and show what came of it, in a table and in ``build/demo/summary.json``.

It takes about a minute, no AWS account and no network but loopback. Exit status: 0, all is as it should be; 1, something is not, and is named at the
end.
"""

import argparse
import sys
from datetime import datetime

from demo.chapters import cost_key_activation, domain_setup, idle_app_shutdown, profile_cost_tagging, reconciliation, template_enablement
from demo.report import Report
from demo.stage import Stage

CHAPTERS = (profile_cost_tagging, domain_setup, template_enablement, cost_key_activation, reconciliation, idle_app_shutdown)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(arguments)
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
