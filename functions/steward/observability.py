"""The one logger. It is made at import, the one exception to "importing does nothing": its decorators need it there.

Log summaries, never whole events or payloads: they hold names of people, and in other services' events presigned addresses.
"""

from aws_lambda_powertools import Logger

logger = Logger()
