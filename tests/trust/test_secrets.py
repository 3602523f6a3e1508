"""Threat 16: tokens and passwords stay out of outputs, logs, files and exceptions."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cauldron.redaction import HIDDEN, guard_logs, without_secrets
from tests.conftest import picture
from tests.trust.commands import cauldron

CANARY = "CANARYc4n4ryCANARY"
SECRETS = {
    "HF_TOKEN": f"hf_{CANARY}",
    "AWS_SECRET_ACCESS_KEY": f"aws/{CANARY}+x",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "OPENAI_API_KEY": f"sk-{CANARY}",
    "AWS_EC2_METADATA_DISABLED": "true",
    "CAULDRON_LOG": "debug",
    "HF_HUB_VERBOSITY": "debug",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_ENDPOINT": f"http://me:{CANARY}@127.0.0.1:9",
}
USER_URL = f"http://me:{CANARY}@127.0.0.1:9/a.parquet?sig={CANARY}"
S3 = "s3://bucket/place"


def lines(root: Path) -> list[list[str | Path]]:
    """Return command lines that meet secrets, or places that need them."""
    own = root / "own.yaml"
    own.write_text("name: own\ntext: '{text}'\n")
    (root / "raw").mkdir()
    (root / "raw" / "a.jsonl").write_text('{"text": "words of a text"}\n')
    (root / "raw" / "a.png").write_bytes(picture())
    work = root / "work"
    return [
        ["ingest", own, root / "raw", "-o", work],
        ["ingest", own, USER_URL, "-o", work],
        ["ingest", "vsr", S3, "-o", work],
        ["ingest", f"hub:me/set/{CANARY}", "-o", work],
        ["run", f"https://me:{CANARY}@127.0.0.1:9/r.yaml?token={CANARY}", "-o", work],
        ["publish", f"http://127.0.0.1:9/m?token={CANARY}", "me/small"],
        ["rebuild", f"http://me:{CANARY}@127.0.0.1:9/", "-o", root / "again"],
        ["decontaminate", work, "--against", USER_URL],
        ["stats", f"ftp://me:{CANARY}@127.0.0.1:9/work"],
        ["verify", USER_URL],
        ["doctor", USER_URL],
    ]


@pytest.mark.parametrize("which", [(0, 1), pytest.param(range(2, 11), marks=pytest.mark.slow)])
def test_threat_16_secrets_are_in_no_output_log_or_file(
    which: Sequence[int], tmp_path: Path
) -> None:
    env = {**SECRETS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "home")}
    commands = lines(tmp_path)
    for line in (commands[number] for number in which):
        done = cauldron(*line, env=env)
        assert done.returncode in (0, 2, 3, 4), done.stderr[-2000:]  # logs may hold tracebacks
        said = done.stderr + done.stdout
        shown = said.replace(f"hub:me/set/{CANARY}", "")  # a config's name is no secret
        place = shown.find(CANARY)
        assert place < 0, (line, shown[max(place - 200, 0) : place + 60])
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET http://me:pw@host/a?sig=x&b=1 failed", f"GET http://host/a?{HIDDEN} failed"),
        ("s3://key:a@b@bucket/x", "s3://bucket/x"),
        ("Authorization: Bearer abc.def-123==", f"Authorization: Bearer {HIDDEN}"),
        ("mail me@host.example at http://host/@user", "mail me@host.example at http://host/@user"),
        ("a token of 12 words", "a token of 12 words"),
    ],
)
def test_threat_16_addresses_lose_user_and_query(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_threat_16_every_logger_is_redacted_with_its_exceptions() -> None:
    code = f"""
import logging, os, sys
os.environ["MY_API_KEY"] = "{CANARY}"
from cauldron.redaction import guard_logs
guard_logs()
guard_logs()
logging.basicConfig(level="DEBUG", stream=sys.stdout)
other = logging.getLogger("some.library")
other.addHandler(logging.StreamHandler(sys.stdout))
other.propagate = False
for log in (logging.getLogger(), logging.getLogger("x"), other):
    log.debug("key %s at %s", "{CANARY}", "http://u:{CANARY}@h/?t={CANARY}")
    log.info({{"headers": "{CANARY}"}})
    try:
        raise ValueError("http://u:{CANARY}@h/ with {CANARY}")
    except ValueError:
        log.exception("it failed: %(a)s", {{"a": "{CANARY}"}})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown = done.stdout + done.stderr
    assert CANARY not in shown and shown.count("ValueError: http://h/ with ***") == 3


def test_threat_16_records_are_otherwise_unchanged() -> None:
    before = logging.getLogRecordFactory()
    try:
        guard_logs()
        out = io.StringIO()
        log = logging.getLogger("cauldron.test.secrets")
        log.propagate = False
        log.addHandler(logging.StreamHandler(out))
        log.warning("%d of %s", 3, "x")
        log.warning("100 % sure")
        assert out.getvalue() == "3 of x\n100 % sure\n"
    finally:
        logging.setLogRecordFactory(before)
        for handler in list(log.handlers):
            log.removeHandler(handler)
