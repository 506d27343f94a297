"""What localaws raises of its own.

Refused     localaws cannot do this faithfully, so it does not do it at all
AwsError    what AWS would answer
"""


class Refused(NotImplementedError):
    """localaws cannot do this faithfully, so it does not do it at all. The message names what, and where it would be built."""


class AwsError(Exception):
    """An error as AWS answers it: `code`, `message`, HTTP `status`."""

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status
