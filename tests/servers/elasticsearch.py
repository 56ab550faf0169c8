"""A real Elasticsearch for tests, its core only, from its published jars. Needs Maven, and a JDK of release 21.

    python -m tests.servers.elasticsearch fetch                 once for all: into ~/.cache, or where NC_ENGINES says
    python -m tests.servers.elasticsearch start DIRECTORY       one node; prints its URL
    python -m tests.servers.elasticsearch stop DIRECTORY        keeps the data: start goes on with it

Listens on the loopback address only, without security, and writes nothing outside the two directories. Published are
the server and its transport. Not published, so missing here: analysis-common, reindex (also by-query deletes and
updates), painless, mapper-extras (``search_as_you_type``). StandIns.java has an ``edge_ngram``, an ``asciifolding``
and an ``english`` of our own, which wrap the same classes of Lucene, and ``GET /``.
"""

from __future__ import annotations

from pathlib import Path

from .engine_node import Build, compile_java, main, run

VERSION = "9.5.3"
DESCRIPTOR = """name={name}
description={name}
version={version}
elasticsearch.version={version}
java.version=21
classname={class_name}
"""


class Elasticsearch(Build):
    """How Elasticsearch is put together: a module is a folder of jars that are not on the class path too."""

    def assemble(self, made: Path, home: Path) -> None:
        super().assemble(made, home)
        transport = self._module(made, "transport-netty4", "org.elasticsearch.transport.netty4.Netty4Plugin")
        jars = made / "jars"
        compile_java(home, jars, made / "stand-ins", "StandIns")
        for jar in [*jars.glob("netty-*"), *jars.glob("transport-netty4-*")]:
            jar.rename(transport / jar.name)
        stand_ins = self._module(made, "stand-ins", "StandIns")
        command = [str(home / "bin" / "jar"), "cf", str(stand_ins / "stand-ins.jar"), "-C", str(made / "stand-ins")]
        run([*command, "."], home)
        # The server compresses with the system's zstd, which it looks for in one folder of its own.
        (made / "lib").mkdir()
        if native := next(Path("/usr/lib").glob("*/libzstd.so.1"), None):
            (made / "lib" / "libzstd.so").symlink_to(native)

    def _module(self, made: Path, name: str, class_name: str) -> Path:
        folder = made / "modules" / name
        folder.mkdir(parents=True)
        text = DESCRIPTOR.format(name=name, version=self.version, class_name=class_name)
        (folder / "plugin-descriptor.properties").write_text(text)
        return folder


BUILDS = {
    VERSION: Elasticsearch(
        "elasticsearch",
        VERSION,
        (
            ("org.elasticsearch", "elasticsearch", VERSION),
            ("org.elasticsearch.plugin", "transport-netty4", VERSION),
        ),
        21,
        "ElasticsearchNode",
        (
            *("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"),
            *("-Des.nativelibs.path={made}/lib", "-Des.path.home={home}"),
        ),
    )
}

if __name__ == "__main__":
    main(__doc__, BUILDS)
