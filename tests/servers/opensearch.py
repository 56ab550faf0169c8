"""A real OpenSearch for tests, from its published jars. Needs Maven, and a JDK of release 21, or 17 for 2.x.

    python -m tests.servers.opensearch fetch [--version 2.19.6]   once for all: into ~/.cache, or where NC_ENGINES says
    python -m tests.servers.opensearch start DIRECTORY            one node; prints its URL
    python -m tests.servers.opensearch stop DIRECTORY             keeps the data: start goes on with it

Listens on the loopback address only, without security, and writes nothing outside the two directories. Its modules:
analysis-common, painless, reindex, parent-join, mapper-extras and the matrix aggregations.
"""

from __future__ import annotations

from pathlib import Path

from .engine_node import Build, main

#: The server leaves log4j-core out, so that its version is named here for each version of the server.
LOG4J_VERSIONS = {"3.9.0": "2.25.5", "2.19.6": "2.25.4"}
MODULES = (
    *("transport-netty4-client", "analysis-common", "lang-painless", "reindex-client", "parent-join-client"),
    *("mapper-extras-client", "aggs-matrix-stats-client"),
)
#: Libraries of HTTP/3, and what only compilers read.
UNUSED = ("netty-codec-native-quic-*", "error_prone_annotations-*")


class OpenSearch(Build):
    """How OpenSearch is put together."""

    def assemble(self, made: Path, home: Path) -> None:
        for pattern in UNUSED:
            for jar in (made / "jars").glob(pattern):
                jar.unlink()
        super().assemble(made, home)


def build(version: str) -> Build:
    """One version."""
    artifacts = (
        ("org.opensearch", "opensearch", version),
        *(("org.opensearch.plugin", module, version) for module in MODULES),
        ("org.apache.logging.log4j", "log4j-core", LOG4J_VERSIONS[version]),
    )
    java = 17 if version.startswith("2.") else 21
    return OpenSearch("opensearch", version, artifacts, java, "OpenSearchNode", ("-Dopensearch.path.home={home}",))


BUILDS = {version: build(version) for version in LOG4J_VERSIONS}

if __name__ == "__main__":
    main(__doc__, BUILDS)
