"""Processes in a world together, and the steps that may come next, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .flushes import Flusher, Healer, RowFlusher
from .users import GroupReader, Process, Reader, Steps, Writer
from .world import GROUP, INTENT_GRACE, KEYS, LONGEST, A, B, Scripts, World, require, short

#: What a writer's transactions may change: key -> by how much, and whether it knows.
CHANGES: list[tuple[dict[str, int], bool]] = [
    ({A: 1}, True),
    ({A: -1}, True),
    ({B: 1}, True),
    ({A: 2, B: -1}, True),
    ({A: 1}, False),
]


@dataclass(frozen=True)
class Cast:
    """Who takes part.

    Attributes:
        writers: for each of them, the place of its changes in ``CHANGES``.
        may_fall_back: whether writers may find Redis unreachable.
        readers: how many keys each of them reads.
        group_readers: how many read the whole group.
        row_flushers: of what waits in rows.
        fate: whether anything happens that nobody does.
        may_freeze: whether keys are frozen.
    """

    writers: Sequence[int] = (0, 1)
    flushers: int = 0
    healers: int = 0
    readers: Sequence[int] = ()
    group_readers: int = 0
    row_flushers: int = 0
    may_fall_back: bool = False
    fate: bool = True
    may_freeze: bool = True


class Fate(Process):
    """What nobody does, and happens: time passes, keys expire, processes die."""

    def __init__(self, world: World, others: dict[str, Process], may_freeze: bool) -> None:
        super().__init__(world)
        self.others = others
        self.may_freeze = may_freeze

    def start(self) -> Steps:
        steps: Steps = {"grace time passes": lambda: self.world.pass_time(INTENT_GRACE)}
        if not any(writer.is_open for writer in self.world.writers):
            steps["a day passes"] = lambda: self.world.pass_time(LONGEST + 1)
        for key, held in self.world.held.keys.items():
            if held.total:
                steps[f"the total of {short(key)} expires"] = lambda key=key: self.world.delete(f"total:{key}")
            if held.frozen:
                steps[f"{short(key)} thaws"] = lambda key=key: self.thaw(key)
            elif self.may_freeze:
                steps[f"{short(key)} is frozen"] = lambda key=key: self.freeze(key)
        if self.world.held.group is not None:
            steps["the group expires"] = lambda: self.world.delete(f"group:{GROUP}")
        for name, process in self.others.items():
            if process.at != "start":
                steps[f"{name} dies"] = process.crash
        return steps

    def thaw(self, key: str) -> None:
        self.world.delete(f"frozen:{key}")
        if not any(held.frozen for other, held in self.world.held.keys.items() if other != key):
            self.world.delete(f"frozen_group:{GROUP}")

    def freeze(self, key: str) -> None:
        self.run("freeze", 3600, key)
        require(self.world.look().keys[key].frozen, f"{key} was frozen, and is not")


def each_step(steps: str) -> Iterator[tuple[str, str]]:
    for part in steps.split("; "):
        who, _, names = part.partition(": ")
        for name in names.split(", "):
            yield who, name


class Play:
    """A world and its processes."""

    def __init__(self, scripts: Scripts, cast: Cast) -> None:
        self.world = world = World(scripts)
        self.processes: dict[str, Process] = {}
        self._enter("writer", (Writer(world, *CHANGES[place], cast.may_fall_back) for place in cast.writers))
        self._enter("flusher", (Flusher(world) for _ in range(cast.flushers)))
        self._enter("healer", (Healer(world) for _ in range(cast.healers)))
        self._enter("reader", (Reader(world, KEYS[:keys]) for keys in cast.readers))
        self._enter("group reader", (GroupReader(world, KEYS) for _ in range(cast.group_readers)))
        self._enter("row flusher", (RowFlusher(world) for _ in range(cast.row_flushers)))
        if cast.fate:
            self.processes["fate"] = Fate(world, dict(self.processes), cast.may_freeze)

    def _enter(self, kind: str, processes: Iterable[Process]) -> None:
        for place, process in enumerate(processes):
            self.processes[f"{kind} {place}"] = process

    def next_steps(self) -> dict[str, list[str]]:
        """Who can take a step, and which."""
        steps = {name: list(process.steps()) for name, process in self.processes.items()}
        return {name: found for name, found in steps.items() if found}

    def step(self, name: str, step: str) -> None:
        """Let a process take a step.

        Raises:
            Violation: a count is wrong now.
        """
        process = self.processes[name]
        process.changes = False
        process.steps()[step]()
        self.world.stepped(process.changes)

    def replay(self, steps: str) -> None:
        """Take steps, as ``who: step, step; who: step ...``, up to one that cannot be taken.

        Raises:
            Violation: a count is wrong now.
        """
        for who, step in each_step(steps):
            if step == "rest":
                self.rest()
            elif step in self.processes[who].steps():
                self.step(who, step)
            else:
                return

    def rest(self) -> None:
        """Everybody dies, time passes, one run of the healer and the flushers mends all.

        Raises:
            Violation: it does not.
        """
        for process in self.processes.values():
            process.crash()
        for key in KEYS:
            self.world.delete(f"frozen:{key}")
        self.world.pass_time(LONGEST + 1)
        world = self.world
        self.processes = {"healer": Healer(world), "row flusher": RowFlusher(world), "flusher": Flusher(world)}
        if world.database.asked():
            self._run("healer", "guard what rows ask for")
        self._run("healer", "guard what is due")
        self._run("row flusher", "list rows")
        for _ in range(2):  # the batch that was begun, and the next
            self._run("flusher", "look")
        self._check_rest()

    def _run(self, name: str, first: str) -> None:
        """From its first step until it is done."""
        process = self.processes[name]
        if first in process.steps():
            self.step(name, first)
        while process.at != "start":
            self.step(name, next(iter(process.steps())))

    def _check_rest(self) -> None:
        database, held = self.world.database, self.world.held
        require(database.stored == database.true, f"at rest, {database.stored} is stored, not {database.true}")
        require(not database.rows, f"at rest, rows wait: {database.rows}")
        require(not held.batch, f"at rest, a batch is there: {held.batch}")
        for key, one in held.keys.items():
            require(not one.intents and not one.pending, f"at rest, something of {key} is left: {one}")
