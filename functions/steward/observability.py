"""The one logger, and the one collector of metrics. They are made at import, the one exception to "importing does nothing": their decorators need
them there.

Log summaries, never whole events or payloads: they hold names of people, and in other services' events presigned addresses.
"""

from aws_lambda_powertools import Logger, Metrics

logger = Logger()
metrics = Metrics(namespace="StudioSteward")
"""What dashboard and alarms count. An account, a Region or a domain is never a dimension: each would be a metric that costs."""
