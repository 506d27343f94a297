"""What executions are called: by their name people find them, and Step Functions knows a second start of the same one."""

import hashlib
import re


def execution_name(account_id: str, region: str, subject: str, verb: str, identity: str) -> str:
    """``<account>-<subject, 32 at most>-<verb, 16 at most>-<12 hex of Region and identity>``: 75 of the 80 characters that a name may have.

    `subject` is whom it is about, in one word for people: a profile, a space, a domain. It is in lower case, whatever it is called: events about
    tags have it from an ARN, which is, and people search by one spelling. `identity` is what makes it one of a kind, like an event's id.

    Only letters, digits, ``-`` and ``_``: with others Step Functions runs, but cannot log to CloudWatch
    (https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html).
    """
    digest = hashlib.sha256(f"{region}/{identity}".encode()).hexdigest()[:12]
    word = re.sub(r"[^0-9A-Za-z_-]", "-", subject.lower())[:32]
    return f"{account_id}-{word}-{verb[:16]}-{digest}"
