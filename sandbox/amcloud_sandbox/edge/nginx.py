"""nginx's configuration for a table of routes: pure text, always the same for the same routes.

Choices, for rolling updates that lose no request: pods are addressed one by one (no kube-proxy in between); a
connection that cannot be made, or that breaks before an answer, is tried on the next pod, except when a request that
may not be repeated (POST) was already sent; connections to pods are not kept, so none is found closed by a pod that
stops; on a reload the former workers end their requests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from amcloud_sandbox.edge.routes import Address, Route

HEADER = """\
# Written by amcloud_sandbox.edge from the cluster's Ingress and Endpoints objects; do not edit.
daemon off;
user www-data;
worker_processes 2;
worker_shutdown_timeout 60s;
pid {folder}/nginx.pid;
error_log stderr warn;

events {{
    worker_connections 4096;
}}

http {{
    access_log off;
    server_tokens off;
    default_type text/html;
    charset utf-8;
    server_names_hash_max_size 8192;
    server_names_hash_bucket_size 512;
    # One request a connection: a kept connection may be closed by a reload just as its next request arrives
    # (seen: 1 reset in 9,800 requests during two rollouts).
    keepalive_timeout 0;
    client_max_body_size 32m;
    client_body_temp_path {folder}/tmp/body;
    proxy_temp_path {folder}/tmp/proxy;
    fastcgi_temp_path {folder}/tmp/fastcgi;
    uwsgi_temp_path {folder}/tmp/uwsgi;
    scgi_temp_path {folder}/tmp/scgi;

    proxy_http_version 1.1;
    proxy_connect_timeout 1s;
    proxy_read_timeout 120s;
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries 4;
    proxy_next_upstream_timeout 10s;
    proxy_set_header Host $http_host;
    proxy_set_header Connection $upstream_connection;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Forwarded "";
    # What the client says of itself is replaced, never passed on.
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Port $server_port;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Request-Id $request_id;
    map $http_upgrade $upstream_connection {{
        default upgrade;
        "" close;
    }}

    # By a path, not by a name: the page is then served whatever the method of the request was.
    error_page 404 /.amcloud-edge/404.html;
    error_page 502 503 504 /.amcloud-edge/503.html;

    server {{
{default_listen}
        server_name _;
        location / {{
            return 404;
        }}
{pages}
    }}
"""
PAGES = """\
        location /.amcloud-edge/ {{
            internal;
            alias {folder}/pages/;
            add_header Cache-Control no-store always;
        }}
"""


def configuration(routes: Iterable[Route], *, listen: Iterable[str], folder: Path) -> str:
    """The whole file. ``routes`` must be sorted; ``listen``: addresses with port; ``folder``: pid, pages, buffers."""
    listen = tuple(listen)
    routes = tuple(routes)
    pages = PAGES.format(folder=folder).rstrip()
    default = "\n".join(f"        listen {address} default_server backlog=4096;" for address in listen)
    blocks = [HEADER.format(folder=folder, default_listen=default, pages=pages)]
    upstreams = sorted({route.addresses for route in routes if route.addresses})
    blocks += [_upstream(addresses) for addresses in upstreams]
    for host, group in groupby(routes, key=lambda route: route.host):
        blocks.append(_server(host, tuple(group), listen, pages))
    return "\n".join([*blocks, "}", ""])


def _upstream(addresses: tuple[Address, ...]) -> str:
    # max_fails=0: a pod is in the list because the cluster says it is ready; one failure does not make two pods none.
    servers = "\n".join(f"        server {address} max_fails=0;" for address in addresses)
    return f"    upstream {_name(addresses)} {{\n{servers}\n    }}"


def _name(addresses: tuple[Address, ...]) -> str:
    return "pods_" + hashlib.sha256(",".join(map(str, addresses)).encode()).hexdigest()[:16]


def _server(host: str, routes: tuple[Route, ...], listen: tuple[str, ...], pages: str) -> str:
    listens = "\n".join(f"        listen {address};" for address in listen)
    matchers = _matchers(routes)
    located = [_location(matcher, route) for matcher, route in matchers.items()]
    if "location /" not in matchers:  # else nginx would serve files of its own
        located.append("        location / {\n            return 404;\n        }")
    locations = "\n".join(located)
    return f"    server {{\n{listens}\n        server_name {_server_name(host)};\n{locations}\n{pages}\n    }}"


def _server_name(host: str) -> str:
    """A wildcard of an Ingress stands for one label, nginx's own for several: hence a regular expression."""
    if not host.startswith("*."):
        return host
    return '"~^[a-z0-9-]+' + host.removeprefix("*").replace(".", r"\.") + '$"'


def _matchers(routes: tuple[Route, ...]) -> dict[str, Route]:
    """nginx's location for each route; a prefix stands for whole path elements: ``/a`` for /a and /a/…, not /ab."""
    found: dict[str, Route] = {}
    for route in routes:
        if route.exact:
            found[f"= {route.path}"] = route
    for route in routes:
        if not route.exact:
            whole = route.path.rstrip("/")
            if whole:
                found.setdefault(f"= {whole}", route)
            found.setdefault(f"{whole}/", route)
    return {f"location {matcher}": route for matcher, route in found.items()}


def _location(matcher: str, route: Route) -> str:
    action = f"proxy_pass http://{_name(route.addresses)};" if route.addresses else "return 503;"
    return f"        {matcher} {{ # {route.origin}\n            {action}\n        }}"
