"""Secrets stay out of messages and logs: known tokens, users and queries of addresses.

Known tokens are the values of environment variables whose name says so, and the token that
`hf auth login` left. Every record of Python's logging passes here once `guard_logs` was called,
whichever logger and handler it goes through, the text of its exception among it.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import traceback
from pathlib import Path
from typing import Any

HIDDEN = "***"
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY", re.I)
_SHORTEST = 8  # a shorter value would take ordinary words out of messages
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/?#\s'\"<>@]*(?:@[^/?#\s'\"<>@]*)*@", re.I)
_QUERY = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?#'\"<>]*)\?[^\s'\"<>)]+", re.I)
_BEARER = re.compile(r"(\bbearer\s+)[\w.~+/-]+=*", re.I)


def without_secrets(text: str) -> str:
    """Return text without known tokens, and its addresses without user, password and query."""
    for secret in _known():
        text = text.replace(secret, HIDDEN)
    if "://" in text:
        text = _QUERY.sub(rf"\1?{HIDDEN}", _USER.sub(r"\1", text))
    return _BEARER.sub(rf"\1{HIDDEN}", text)


def _known() -> list[str]:
    """Return the secrets that are known, the longest first."""
    named = {v for k, v in os.environ.items() if len(v) >= _SHORTEST and _SECRET_NAME.search(k)}
    home = os.environ.get("HF_HOME") or Path("~/.cache/huggingface").expanduser()
    named |= {token for token in (_stored(str(home)),) if len(token) >= _SHORTEST}
    return sorted((v for v in named if not os.path.exists(v)), key=len, reverse=True)


@functools.cache
def _stored(home: str) -> str:
    try:
        return Path(home, "token").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


class Redaction(logging.Filter):
    """Takes secrets out of a log record, and out of the exception that it reports."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; every record passes."""
        try:
            told = record.getMessage()
        except Exception:
            return True  # what does not fit its own format is reported by logging, without values
        shown = without_secrets(told)
        if shown != told:
            record.msg, record.args = shown, None
        if record.exc_info and record.exc_info[0] and not record.exc_text:
            record.exc_text = without_secrets("".join(traceback.format_exception(*record.exc_info)))
        return True


def guard_logs() -> None:
    """Let every log record of this process pass `Redaction`; calling it again changes nothing.

    A filter on the root logger sees only what is logged there, since records of other loggers go
    to its handlers without asking it. So the filter also stands where records are made.
    """
    made = logging.getLogRecordFactory()
    if isinstance(made, _Guarded):
        return
    logging.getLogger().addFilter(_REDACTION)
    logging.setLogRecordFactory(_Guarded(made))


class _Guarded:
    """Makes log records as before, and takes secrets out of them."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *args: Any, **named: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **named)
        _REDACTION.filter(record)
        return record


_REDACTION = Redaction()
