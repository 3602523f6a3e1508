"""Ask for known weaknesses of the locked dependencies; part of `make check`.

    python tools/audit.py [LOCK_FILE]

A weakness ends it with 1. Without network nothing can be asked: that is said in one line, and the
check goes on; with AUDIT=strict (as in CI) it fails, since nothing was checked. AUDIT_URL is a
service that answers as OSV does, to be asked in place of PyPI: a mirror behind a firewall.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

LOCK = "requirements.lock"
TIMEOUT_S = 240


def main() -> int:
    """Run pip-audit on the lock file; return the exit code."""
    lock = sys.argv[1] if len(sys.argv) > 1 else LOCK
    command = [sys.executable, "-m", "pip_audit", "--requirement", lock, "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    if mirror := os.environ.get("AUDIT_URL"):
        command += ["--vulnerability-service", "osv", "--osv-url", mirror]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        found = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return _not_checked(f"no answer in {TIMEOUT_S} s")
    except (json.JSONDecodeError, KeyError):
        return _not_checked((done.stderr.strip().splitlines() or ["no answer"])[-1][:200])
    weak = any(one.get("vulns") for one in found)
    for one in found:
        for v in one.get("vulns", ()):
            better = f"; mended in {', '.join(v['fix_versions'])}" if v.get("fix_versions") else ""
            print(f"audit: {one['name']} {one['version']}: {v['id']}{better}", file=sys.stderr)
    skipped = sum("skip_reason" in one for one in found)
    if skipped == len(found):
        return _not_checked(f"none of {len(found)} packages is known there")
    if not weak:
        print(f"audit: no known weakness in {len(found) - skipped} packages, {skipped} not known")
    return 1 if weak else 0


def _not_checked(why: str) -> int:
    print(f"audit: NOT CHECKED, the advisory service cannot be asked: {why}", file=sys.stderr)
    return 1 if os.environ.get("AUDIT") == "strict" else 0


if __name__ == "__main__":
    raise SystemExit(main())
