"""IAM policy documents: who may do what, on what, under which conditions."""

from localaws.policy.documents import Decision, Document, Request, check_document, evaluate, read_document

__all__ = ["Decision", "Document", "Request", "check_document", "evaluate", "read_document"]
