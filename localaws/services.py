"""Everything that answers: importing this registers each service's operations, guards and follow-ups."""

from localaws import (
    billing,
    buckets,
    catalog,
    cloudformation,
    identity,
    inline_policies,
    message_visibility,
    metrics,
    organizations,
    roles,
    simulation,
    studio,
    subscriptions,
    tables,
    tagging,
)
from localaws.eventbridge import service as eventbridge
from localaws.functions import asynchronous, event_sources
from localaws.scheduler import service as scheduler
from localaws.states import roles as machine_roles
from localaws.states import service as stepfunctions
from localaws.states.maps import service as map_runs

__all__ = [
    "asynchronous",
    "billing",
    "buckets",
    "catalog",
    "cloudformation",
    "event_sources",
    "eventbridge",
    "identity",
    "inline_policies",
    "machine_roles",
    "map_runs",
    "message_visibility",
    "metrics",
    "organizations",
    "roles",
    "scheduler",
    "simulation",
    "stepfunctions",
    "studio",
    "subscriptions",
    "tables",
    "tagging",
]
