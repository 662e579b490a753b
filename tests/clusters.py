"""Workers of a cluster on this machine."""

import json
import socket
from contextlib import ExitStack


def cluster_environments(workers: int) -> list[dict[str, str]]:
    """TF_CONFIG for each of several workers on free loopback ports."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(workers)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        hosts = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    return [
        {
            "TF_CONFIG": json.dumps(
                {
                    "cluster": {"worker": hosts},
                    "task": {"type": "worker", "index": index},
                }
            )
        }
        for index in range(workers)
    ]
