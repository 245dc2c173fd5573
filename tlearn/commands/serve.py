"""`tlearn serve`: answer images over HTTP with an exported file."""

from __future__ import annotations

import json
from pathlib import Path

from tlearn.artifacts.extras import require_extra
from tlearn.artifacts.verification import check_artifact
from tlearn.errors import GateError, HostError, pasted, quoted
from tlearn.progress import ProgressCallback, no_progress
from tlearn.serving.app import Limits, build_app
from tlearn.serving.guard import OPEN_PATH, Guard, is_loopback
from tlearn.serving.listening import Prepared, listen
from tlearn.serving.openapi import openapi
from tlearn.serving.pool import Pool

JSON = "application/json"


def serve(
    artifact: Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    limits: Limits | None = None,
    *,
    progress: ProgressCallback = no_progress,
) -> Prepared:
    """Verify an exported file, open a port, and return what is to answer there.

    Args:
        artifact: The file.
        host: Name or address of this machine to listen on.
        port: 0 takes one that is free.
        token: That requests have to bear; needed where other machines are served.
        limits: Of each request.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The file cannot be used, a package is missing, or the port cannot be opened.
        GateError: The file does not keep its contract.
    """
    require_extra("serve")
    local = is_loopback(host)
    if not (local or token):
        raise HostError(
            f"--host {host!r} lets other machines ask, and there is no token",
            "make one up, which each request has to bear: --token TOKEN",
        )
    limits = limits or Limits()
    progress("verify the file", 0, 0)
    verification = check_artifact(artifact)
    if not verification.passed:
        raise GateError(
            f"{quoted(artifact)} does not keep its contract",
            f"see what is wrong: tlearn check {pasted(artifact)}",
        )
    contract = verification.contract
    document = openapi(contract, limits, token is not None)
    pages = {
        OPEN_PATH: (b'{"status": "ok"}', JSON),
        "/openapi.json": (json.dumps(document).encode(), JSON),
    }
    pool = Pool(artifact, contract, limits.workers)
    app = build_app({"/predict": pool}, pages, limits)
    return Prepared(Guard(app, local, token), listen(host, port))
