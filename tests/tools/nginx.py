"""nginx on loopback, serving `<folder>/www`; below `/slow/` 2.5 MB/s for each connection."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools.wait import until

_CONFIG = """
daemon off; master_process off; worker_processes 1;
pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {folder}/access.log; sendfile on;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen {host}:{port}{tls}; root {folder}/www;
    location /slow/ {{ alias {folder}/www/; limit_rate 2500k; }}
  }}
}}
"""


@contextmanager
def running(
    folder: Path, certificate: Path | None = None, host: str = "127.0.0.1"
) -> Iterator[str]:
    """Its address while it runs.

    Args:
        folder: Its own; it logs there.
        certificate: Key and certificate in one file: TLS.
        host: The address of this machine that it listens at.
    """
    with socket.create_server((host, 0)) as probe:
        port = probe.getsockname()[1]
    tls = f" ssl; ssl_certificate {certificate}; ssl_certificate_key {certificate}"
    config = folder / "nginx.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder, host=host, port=port, tls=tls if certificate is not None else ""
        )
    )
    server = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(config)])
    try:
        # It answers before it has noted its process.
        until((folder / "nginx.pid").exists)
        until(lambda: _answers(host, port) or server.poll() is not None)
        yield f"http{'s' if certificate is not None else ''}://{host}:{port}"
    finally:
        server.terminate()
        server.wait()


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port)).close()
    except OSError:
        return False
    return True
