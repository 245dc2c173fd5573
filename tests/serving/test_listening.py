"""A port is opened, or the reason why not comes with what to do."""

from __future__ import annotations

import pytest

from tlearn.errors import HostError
from tlearn.serving.listening import Prepared, listen


def test_a_free_port_has_an_address() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert Prepared(lambda: None, listener).url == f"http://127.0.0.1:{port}"  # type: ignore[arg-type]


def test_a_port_in_use_is_told() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(HostError, match=f"port {port}: address already in use") as error:
            listen("127.0.0.1", port)
    assert error.value.hint.endswith("--port 0")


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "a..b", ""])
def test_a_host_that_is_not_this_machine_is_told(host: str) -> None:
    with pytest.raises(HostError, match="no address of this machine"):
        listen(host, 0)
