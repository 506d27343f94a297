"""Cloud Custodian's `c7n-org`, begun at a given time: ``python at_time.py 2026-11-09T10:00:00+00:00 run …``. Its clock goes on from there.

It runs in Custodian's own environment. Its policies reckon with the time of day, which in a local organization is a virtual one.
"""

import sys
from datetime import datetime

import time_machine
from c7n_org.cli import cli

if __name__ == "__main__":
    time_machine.travel(datetime.fromisoformat(sys.argv.pop(1)), tick=True).start()
    sys.exit(cli())
