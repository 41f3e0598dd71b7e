"""Secrets out of what leaves the program: first every secret is found by its place, then every copy of it replaced."""

from inspector.report.redaction.redactor import Redactor, find_secrets
from inspector.report.redaction.secrets import Masked

__all__ = ["Masked", "Redactor", "find_secrets"]
