"""The contract of sinks on real engines."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.servers.engine_node import Build, Node
from tests.support.engines import ELASTICSEARCH, OPENSEARCH_2, OPENSEARCH_3, once, once_in_full, shared

from .sinks import SinkContract


class EngineContract(SinkContract):
    """On an engine of a version; not a test by itself."""

    build: ClassVar[Build]
    node: ClassVar[Node]
    sink_name = "opensearch"

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.node = shared(cls.build)

    def options(self) -> dict[str, Any]:
        return {"SINK": self.sink_name, "URL": self.node.url, "PREFIX": "tests-", "TIMEOUT": 20, "AUDIT_INTERVAL": None}

    def tearDown(self) -> None:
        super().tearDown()
        for index in self.sink.connection.ask("GET", "/tests-*/_alias").body:
            self.sink.connection.ask("DELETE", f"/{index}")


@once
class OpenSearch3Tests(EngineContract):
    build = OPENSEARCH_3


@once_in_full
class OpenSearch2Tests(EngineContract):
    build = OPENSEARCH_2


@once_in_full
class ElasticsearchTests(EngineContract):
    build = ELASTICSEARCH
    sink_name = "elasticsearch"


del EngineContract, SinkContract
