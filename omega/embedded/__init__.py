"""The NATS servers that come along: `binary` finds one, `configuration` says how each runs,
`access` whom it lets in, `nodes` where."""

from __future__ import annotations

from omega.embedded.access import Access, ByCertificate, ByKey, ByToken, Included, Open
from omega.embedded.binary import Found, NoServer, find_server
from omega.embedded.configuration import (
    ROUTE_USER,
    SYSTEM_USER,
    Cluster,
    Link,
    Login,
    ServerPlan,
    configuration,
    system_login,
)
from omega.embedded.nodes import CLUSTER_SIZES, Node, place_nodes, read_nodes, write_nodes

__all__ = [
    "CLUSTER_SIZES",
    "ROUTE_USER",
    "SYSTEM_USER",
    "Access",
    "ByCertificate",
    "ByKey",
    "ByToken",
    "Cluster",
    "Found",
    "Included",
    "Link",
    "Login",
    "NoServer",
    "Node",
    "Open",
    "ServerPlan",
    "configuration",
    "find_server",
    "place_nodes",
    "read_nodes",
    "system_login",
    "write_nodes",
]
