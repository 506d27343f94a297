"""What a step tells of its work: changes, findings, and the outcome. The execution's output is exactly this, and others build on it."""

from dataclasses import asdict, dataclass
from typing import Any

CONTRACT_VERSION = 1


@dataclass(frozen=True)
class Change:
    """One field of one resource, before and after, and why. `None` before: it was not there."""

    resource: str
    field: str
    before: str | None
    after: str | None
    reason: str


@dataclass(frozen=True)
class Finding:
    """Something that only a person can put right. `kind` is a PascalCase name, `message` says what is wrong and what to do."""

    kind: str
    resource: str
    message: str


@dataclass(frozen=True)
class Report:
    """How a run ended. With `dry_run` the changes are those that would have been made."""

    outcome: str
    dry_run: bool
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()

    def as_output(self) -> dict[str, Any]:
        """The contract: an incompatible change of it raises `version`."""
        return {
            "version": CONTRACT_VERSION,
            "outcome": self.outcome,
            "dry_run": self.dry_run,
            "changes": [asdict(change) for change in self.changes],
            "findings": [asdict(finding) for finding in self.findings],
        }
