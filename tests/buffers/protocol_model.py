"""Explores every interleaving of the Redis buffer's protocol, crashes included, on small instances.

    python -m tests.buffers.protocol_model            all configurations, the protocol as it is: no violation (minutes)
    python -m tests.buffers.protocol_model --broken   the same with one rule dropped at a time: each must be caught

Two users, a flush chunk of one user. A step is one atomic Redis script or one database transaction. A writer may at
any time find Redis unreachable, or its key frozen, and leave a row in the database buffer's table instead.
After each step: stored + rows + pending + unapplied batch equals the ghost value (what pushes, rows and corrections
added up to); where every intent of a user is an open one of a living writer, that and what those have not pushed yet is
the true count; a cached total equals the ghost value too unless rows are waiting for that user; a frozen user has none;
and a finished read returned a value that held at some time during the read. When everything is at rest, the stored
counts equal the true counts.

A healer may freeze any user it looks at, and a freeze may expire at any moment. A writer who is told to leave a row may
commit it much later.

The two users are a group, too, as keys are whose first part is the same: a reader of the group reads both at once, and
may cache both as one, complete; whatever changes or deletes the cached total of one of them does so there.

``tests/buffers/protocol`` takes the same steps with the real scripts, in random order.
"""

import collections
import sys

USERS = ("a", "b")
MAX_STATES = 4_000_000

State = collections.namedtuple(
    "State",
    "true stored progress row_lock rows pending batch seq version intents dirty guard total group ghost processes"
    " crashes frozen freezes mixed",
)
Process = collections.namedtuple("Process", "kind at user amount memo")

#: Who takes part: writers (user, delta, may fall back), flushers, healers, readers' users, flushers of rows; and how
#: many freezes and crashes may come.
Configuration = collections.namedtuple(
    "Configuration", "writers flushers healers readers row_flushers freezes crashes", defaults=(0, 2)
)

RULES = {  # rule: the configuration that catches its absence
    "intent before commit": "2 writers",
    "guard on correction": "2 writers",
    "old intents of live writers are kept": "2 writers",
    "kept intents are flagged": "2 writers",
    "ack only its own batch": "2 flushers alone",
    "reader compares batch numbers": "reader",
    "total filled only if nothing moved": "reader",
    "rows are listed before totals are deleted": "fallback rows",
    "deleting totals changes the version": "fallback rows",
    "freezing deletes the total": "frozen",
    "a frozen user's total is not filled": "frozen",
    "a push adds to the group": "group",
    "a group is filled only if nothing of it moved": "group",
    "deleting totals deletes the group": "group and rows",
    "freezing deletes the group": "group frozen",
    "a group with a frozen user is not filled": "group frozen",
}

#: Whom a reader of the group reads.
GROUP = "*"

CONFIGURATIONS = {
    "2 writers": Configuration([("a", 1, False), ("a", -1, False)], 1, 1, [], 0),
    "2 flushers": Configuration([("a", 1, False), ("b", 1, False)], 2, 1, [], 0),
    "2 flushers alone": Configuration([("a", 1, False), ("b", 1, False)], 2, 0, [], 0, crashes=0),
    "reader": Configuration([("a", 1, False), ("b", 1, False)], 2, 0, ["a"], 0),
    "fallback rows": Configuration([("a", 1, True), ("a", 1, True)], 0, 0, ["a", "a"], 2),
    "healed beside rows": Configuration([("a", 1, True), ("a", -1, True)], 1, 1, [], 1),
    "frozen": Configuration([("a", 1, False), ("a", -1, False)], 0, 1, ["a"], 1, freezes=1),
    "frozen and flushed": Configuration([("a", 1, False), ("a", -1, False)], 1, 1, [], 1, freezes=1),
    "group": Configuration([("a", 1, False), ("b", 1, False)], 1, 0, [GROUP], 0, crashes=1),
    "group and rows": Configuration([("a", 1, True), ("b", 1, True)], 0, 0, [GROUP, GROUP], 1, crashes=1),
    "group healed": Configuration([("a", 1, False)], 1, 1, [GROUP], 0),
    "group frozen": Configuration([("a", 1, False), ("b", -1, False)], 0, 1, [GROUP], 1, crashes=1, freezes=1),
}


def get(pairs, key, default=0):
    """The value of a key in sorted pairs, which stand for a dictionary that can be hashed."""
    return dict(pairs).get(key, default)


def put(pairs, key, value):
    """Sorted pairs in which a key has another value; None takes it away."""
    changed = dict(pairs)
    if value is None:
        changed.pop(key, None)
    else:
        changed[key] = value
    return tuple(sorted(changed.items()))


def add(pairs, key, delta):
    """Sorted pairs in which a delta is added to the value of a key."""
    return put(pairs, key, get(pairs, key) + delta)


def initial(configuration):
    """The state in which nothing has happened."""
    zero = tuple((user, 0) for user in USERS)
    processes = [Process("writer", "start", *writer) for writer in configuration.writers]
    processes += [Process("flusher", "start", None, None, None)] * configuration.flushers
    processes += [Process("healer", "start", None, None, None)] * configuration.healers
    processes += [Process("reader", "start", user, None, None) for user in configuration.readers]
    processes += [Process("row flusher", "start", None, None, None)] * configuration.row_flushers
    freezes, nothing = configuration.freezes, frozenset()
    return State(
        *(zero, zero, (0, 0), None, nothing, (), None, 0, 0, nothing, nothing, (), (), None, zero, tuple(processes)),
        *(configuration.crashes, nothing, freezes, freezes > 0 or GROUP in configuration.readers),
    )


def waiting(rows, user):
    """The sum of a user's waiting rows."""
    return sum(delta for owner, _, delta in rows if owner == user)


def has_rows(rows, user):
    """Whether rows of a user wait."""
    return any(owner == user for owner, _, _ in rows)


def buffered(user, pending, seq, batch, progress):
    """What `stored` does not hold yet, by a snapshot of Redis and the progress row read after it."""
    amount = get(pending, user)
    for rank, (member, delta) in enumerate(batch or ()):
        applied = progress[0] == seq and rank < progress[1]
        if member == user and not applied:
            amount += delta
    return amount


def moved(state, i, process):
    """A state in which one process has moved on."""
    return state._replace(processes=(*state.processes[:i], process, *state.processes[i + 1 :]))


def changed_total(state, user, delta):
    """The cached totals after a delta: one that is not cached stays so."""
    return add(state.total, user, delta) if user in dict(state.total) else state.total


def changed_group(state, user, delta):
    """The cached group after a delta: one that is not cached stays so."""
    return None if state.group is None else add(state.group, user, delta)


def users_of(reader):
    """Whom a reader reads."""
    return USERS if reader.user == GROUP else (reader.user,)


def ghosts(state, users):
    """The values that hold of some users."""
    return tuple(get(state.ghost, user) for user in users)


def cached(state, reader):
    """The cached values that a reader finds; None for none."""
    if reader.user == GROUP:
        return None if state.group is None else tuple(get(state.group, user) for user in USERS)
    return (get(state.total, reader.user),) if reader.user in dict(state.total) else None


def without_zero(pending, user):
    """What is pending, a sum of zero removed."""
    return pending if get(pending, user) else put(pending, user, None)


def still_dirty(intents, user):
    """Whether an intent of a user is left."""
    return any(owner == user for owner, _, _ in intents)


def push(state, user, delta, token, broken):
    """ZINCRBY pending, once per intent: a flagged or missing intent only asks for a recount."""
    if (user, token, "open") in state.intents or broken == "intent before commit":
        intents = state.intents - {(user, token, "open")}
        return state._replace(
            pending=without_zero(add(state.pending, user, delta), user),
            intents=intents,
            dirty=state.dirty if still_dirty(intents, user) else state.dirty - {user},
            guard=put(state.guard, user, None),
            total=changed_total(state, user, delta),
            group=state.group if broken == "a push adds to the group" else changed_group(state, user, delta),
            ghost=add(state.ghost, user, delta),
        )
    intents = (state.intents - {(user, token, "flagged")}) | {(user, "recount", "open")}
    return state._replace(intents=intents, dirty=state.dirty | {user}, guard=put(state.guard, user, None))


def writer(state, i, p, broken):
    """The next steps of one transaction: leave an intent, commit, push; or leave a row; or take the intent back."""
    user, delta, token = p.user, p.amount, i
    if p.at == "start" and user in state.frozen:
        yield "told to leave a row", moved(state, i, p._replace(at="told"))
        return
    if p.at == "told" or (p.at == "start" and p.memo):
        fallen_back = state._replace(
            true=add(state.true, user, delta),
            rows=state.rows | {(user, token, delta)},
            ghost=add(state.ghost, user, delta),
        )
        yield "commit with a row", moved(fallen_back, i, p._replace(at="done"))
    if p.at == "start":
        if broken == "intent before commit":
            yield "begin", moved(state, i, p._replace(at="open"))
        else:
            intents = state.intents | {(user, token, "open")}
            marked = state._replace(intents=intents, dirty=state.dirty | {user}, guard=put(state.guard, user, None))
            yield "intent", moved(marked, i, p._replace(at="open"))
    elif p.at == "open":
        committed = state._replace(true=add(state.true, user, delta))
        yield "commit", moved(committed, i, p._replace(at="committed"))
        yield "rollback", moved(state, i, p._replace(at="done"))
        yield "rollback of what was sent ahead", moved(state, i, p._replace(at="rolled back"))
    elif p.at == "rolled back":
        yield "take back", moved(push(state, user, 0, token, broken), i, p._replace(at="done"))
    elif p.at == "committed":
        pushed = push(state, user, delta, token, broken)
        yield "push", moved(pushed, i, p._replace(at="done"))
        if broken != "intent before commit":
            yield "push, reply lost", moved(pushed, i, p._replace(at="unsure"))
    elif p.at == "unsure":
        yield "push again", moved(push(state, user, delta, token, broken), i, p._replace(at="done"))


def flusher(state, i, p, broken):
    """The next steps of a flush: claim, apply a chunk and the progress, acknowledge."""
    start = Process("flusher", "start", None, None, None)
    if p.at == "start":
        if state.batch is not None:
            yield "resume", moved(state, i, p._replace(at="apply", memo=state.seq))
        elif state.pending:
            claimed = state._replace(batch=state.pending, pending=(), seq=state.seq + 1)
            yield "claim", moved(claimed, i, p._replace(at="apply", memo=claimed.seq))
    elif p.at == "apply" and state.row_lock is None:
        seq, position = state.progress
        if seq > p.memo:
            yield "stale", moved(state, i, start)
        else:
            locked = state._replace(row_lock=i)
            yield "lock", moved(locked, i, p._replace(at="locked", amount=position if seq == p.memo else 0))
    elif p.at == "locked":
        if state.seq != p.memo or state.batch is None:  # one script reads the number and the range
            yield "moved on", moved(state._replace(row_lock=None), i, start)
        else:
            chunk = state.batch[p.amount : p.amount + 1]
            yield "range", moved(state, i, p._replace(at="commit", memo=(p.memo, chunk)))
    elif p.at == "commit":
        seq, chunk = p.memo
        stored = state.stored
        for user, delta in chunk:
            stored = add(stored, user, delta)
        after = state._replace(stored=stored, progress=(seq, p.amount + len(chunk)), row_lock=None)
        yield "commit chunk", moved(after, i, Process("flusher", "apply" if chunk else "ack", None, None, seq))
    elif p.at == "ack":
        if state.seq == p.memo or broken == "ack only its own batch":
            yield "ack", moved(state._replace(batch=None), i, start)
        else:
            yield "ack ignored", moved(state, i, start)


def healer(state, i, p, broken):
    """The next steps of a recount: set the guard, count, correct if nothing came between."""
    start = Process("healer", "start", None, None, None)
    if p.at == "start":
        for user in state.dirty:
            seen = []
            for owner, token, _ in state.intents:
                if owner == user:  # the adversary calls every intent old; only a finished writer's may be dropped
                    finished = token == "recount" or state.processes[token].at in ("done", "dead")
                    if broken == "old intents of live writers are kept":
                        finished = True
                    seen.append((token, finished))
            snapshot = (frozenset(seen), state.seq, state.pending, state.batch)
            if state.freezes and user not in state.frozen:
                yield f"freeze {user}", freeze(state, user, broken)
            guarded = state._replace(guard=put(state.guard, user, i))
            yield f"begin {user}", moved(guarded, i, p._replace(at="count", user=user, memo=snapshot))
    elif p.at == "count":  # one statement: true count, stored count and progress row
        seen, seq, pending, batch = p.memo
        if state.progress[0] > seq:
            yield "moved on", moved(state, i, start)
        else:
            known = get(state.stored, p.user) + waiting(state.rows, p.user)
            known += buffered(p.user, pending, seq, batch, state.progress)
            yield "count", moved(state, i, p._replace(at="correct", amount=get(state.true, p.user) - known))
    elif p.at == "correct":
        seen, seq, pending, batch = p.memo
        same = (state.seq, get(state.pending, p.user), state.batch) == (seq, get(pending, p.user), batch)
        if (same and get(state.guard, p.user, None) == i) or broken == "guard on correction":
            fate = dict(seen)
            intents = set()
            for owner, token, mark in state.intents:
                if owner == p.user and token in fate:
                    if fate[token]:
                        continue
                    if broken != "kept intents are flagged":
                        mark = "flagged"
                intents.add((owner, token, mark))
            corrected = state._replace(
                pending=without_zero(add(state.pending, p.user, p.amount), p.user),
                intents=frozenset(intents),
                dirty=state.dirty if still_dirty(intents, p.user) else state.dirty - {p.user},
                guard=put(state.guard, p.user, None),
                total=changed_total(state, p.user, p.amount),
                group=None,
                ghost=add(state.ghost, p.user, p.amount),
            )
            yield f"correct by {p.amount}", moved(corrected, i, start)
        else:
            yield "retry", moved(state, i, start)


def freeze(state, user, broken):
    """A user whose writers are to leave rows."""
    total = state.total if broken == "freezing deletes the total" else put(state.total, user, None)
    group = state.group if broken == "freezing deletes the group" else None
    frozen, freezes = state.frozen | {user}, state.freezes - 1
    return state._replace(frozen=frozen, total=total, group=group, version=state.version + 1, freezes=freezes)


def reader(state, i, p, broken):
    """The next steps of a read: what is cached, or a snapshot, a look at the database, a fill."""
    users = users_of(p)
    held = frozenset({ghosts(state, users)})
    if p.at == "start":
        if (found := cached(state, p)) is not None:
            yield "hit", moved(state, i, p._replace(at="done", amount=found, memo=(held, None)))
        else:
            snapshot = (state.seq, state.pending, state.batch, state.version)
            yield "snapshot", moved(state, i, p._replace(at="read", memo=(held, snapshot)))
    elif p.at == "read":
        _, (seq, pending, batch, _) = p.memo
        if state.progress[0] > seq and broken != "reader compares batch numbers":
            yield "retry", moved(state, i, p._replace(at="start", memo=None))
        else:
            values = tuple(
                get(state.stored, user)
                + waiting(state.rows, user)
                + buffered(user, pending, seq, batch, state.progress)
                for user in users
            )
            yield f"read {values}", moved(state, i, p._replace(at="fill", amount=values))
    elif p.at == "fill":
        _, (seq, pending, batch, version) = p.memo
        same = (state.seq, state.batch) == (seq, batch)
        same = same and all(get(state.pending, user) == get(pending, user) for user in users)
        same = same and (state.version == version or broken == "deleting totals changes the version")
        rule = "a group with a frozen user is not filled" if p.user == GROUP else "a frozen user's total is not filled"
        same = same and (state.frozen.isdisjoint(users) or broken == rule)
        filled = state
        rule = (
            "a group is filled only if nothing of it moved" if p.user == GROUP else "total filled only if nothing moved"
        )
        if same or broken == rule:
            filled = with_cached(state, p)
        yield "fill", moved(filled, i, p._replace(at="done"))


def with_cached(state, reader):
    """What a reader has read is cached."""
    if reader.user == GROUP:
        return state._replace(group=tuple(zip(USERS, reader.amount, strict=True)))
    return state._replace(total=put(state.total, reader.user, reader.amount[0]))


def row_flusher(state, i, p, broken):
    """The next steps of a flush of rows: list them, delete their totals, apply them."""
    start = Process("row flusher", "start", None, None, None)
    if p.at == "start" and state.rows:
        yield "list rows", moved(state, i, p._replace(at="listed", memo=state.rows))
    elif p.at == "listed":
        total = tuple((user, value) for user, value in state.total if not has_rows(p.memo, user))
        group = state.group if broken == "deleting totals deletes the group" else None
        forgotten = state._replace(total=total, group=group, version=state.version + 1)
        yield "delete totals", moved(forgotten, i, p._replace(at="apply"))
    elif p.at == "apply":  # takes what is still there of the rows that it listed
        taken = state.rows if broken == "rows are listed before totals are deleted" else state.rows & p.memo
        stored = state.stored
        for user, _, delta in taken:
            stored = add(stored, user, delta)
        yield "apply rows", moved(state._replace(stored=stored, rows=state.rows - taken), i, start)


KINDS = {"writer": writer, "flusher": flusher, "healer": healer, "reader": reader, "row flusher": row_flusher}


def steps(state, broken):
    """All next steps: what each process may do, crashes, the end of a freeze."""
    for user in state.frozen:
        yield f"{user} thaws", state._replace(frozen=state.frozen - {user})
    for i, p in enumerate(state.processes):
        if p.at in ("done", "dead"):
            continue
        if p.at != "start" and p.kind != "reader" and state.crashes:
            after = p._replace(at="dead") if p.kind == "writer" else Process(p.kind, "start", None, None, None)
            crashed = moved(state, i, after)._replace(crashes=state.crashes - 1)
            if state.row_lock == i:
                crashed = crashed._replace(row_lock=None)
            yield f"{p.kind} {i}: crash", crashed
        for name, after in KINDS[p.kind](state, i, p, broken):
            yield f"{p.kind} {i}: {name}", after


def with_history(state, before):
    """A read in flight may return any value that held since it began.

    Where some changes are pushed and others left as rows, it may see a row and miss an earlier push that came after
    its first look: then each change made meanwhile may or may not be in what it returns.
    """
    processes = list(state.processes)
    for i, p in enumerate(processes):
        if p.kind == "reader" and p.at == "read":
            held, snapshot = p.memo
            now, was = ghosts(state, users_of(p)), ghosts(before, users_of(p))
            change = [new - old for new, old in zip(now, was, strict=True)]
            held |= {tuple(map(sum, zip(values, change, strict=True))) for values in held} if state.mixed else {now}
            processes[i] = p._replace(memo=(held, snapshot))
    return state._replace(processes=tuple(processes))


def unsent(state, user):
    """What writers who live have committed and not pushed yet."""
    return sum(p.amount for p in state.processes if p.kind == "writer" and p.at == "committed" and p.user == user)


def is_certain(state, user):
    """Whether each intent of a user is an open one of a writer who lives: what it pushes is all that may be missing."""
    return all(
        token != "recount" and mark == "open" and state.processes[token].at not in ("done", "dead")
        for owner, token, mark in state.intents
        if owner == user
    )


def violation(state):
    """What is wrong in a state, or None."""
    for user in USERS:
        value = get(state.stored, user) + waiting(state.rows, user)
        value += buffered(user, state.pending, state.seq, state.batch, state.progress)
        if value != get(state.ghost, user):
            return f"a delta was lost or applied twice for {user}"
        total_must_hold = user in dict(state.total) and not has_rows(state.rows, user)
        if user in state.frozen and user in dict(state.total):
            return f"a cached total of {user} is read without the rows that are left meanwhile"
        if total_must_hold and get(state.total, user) != get(state.ghost, user):
            return f"the cached total of {user} is wrong"
        if state.group is not None and user in state.frozen:
            return f"a cached group is read without the rows that are left for {user} meanwhile"
        if (
            state.group is not None
            and not has_rows(state.rows, user)
            and get(state.group, user) != get(state.ghost, user)
        ):
            return f"the cached group is wrong about {user}"
        if is_certain(state, user) and value + unsent(state, user) != get(state.true, user):
            return f"the count of {user} is wrong, and no intent asks for a recount"
    for p in state.processes:
        from_total = p.kind == "reader" and p.at == "done" and p.memo[1] is None
        if p.kind == "reader" and p.at in ("fill", "done") and p.amount not in p.memo[0] and not from_total:
            return f"a read returned {p.amount}, which never held"
    at_rest = not (state.dirty or state.pending or state.batch or state.rows) and all(
        p.at in ("done", "dead") or (p.at == "start" and p.kind != "writer") for p in state.processes
    )
    if at_rest and state.stored != state.true:
        return "at rest, a stored count is not the true count"
    return None


def explore(configuration, broken=None):
    """Take every step in every state that can be reached, the nearest first.

    Args:
        configuration: who takes part.
        broken: the rule that is dropped.

    Returns:
        How many states were seen, what is wrong in the last of them (None: nothing), and the steps that lead there.
    """
    first = initial(configuration)
    came_from = {first: None}
    queue = collections.deque([first])
    while queue and len(came_from) < MAX_STATES:
        state = queue.popleft()
        for name, after in steps(state, broken):
            after = with_history(after, state)
            if after in came_from:
                continue
            came_from[after] = (state, name)
            wrong = violation(after)
            if wrong:
                path = []
                while came_from[after]:
                    after, name = came_from[after]
                    path.append(name)
                return len(came_from), wrong, path[::-1]
            queue.append(after)
    return len(came_from), None, []


def main():
    """Explore, print what was found, and exit with 1 where it is not what it should be."""
    failed = False
    if "--broken" in sys.argv:
        for rule, name in RULES.items():
            count, wrong, path = explore(CONFIGURATIONS[name], broken=rule)
            print(f"without '{rule}': {wrong or 'NOT CAUGHT'} ({count} states)")
            print("    " + " > ".join(path))
            failed |= wrong is None
    else:
        for name, configuration in CONFIGURATIONS.items():
            count, wrong, path = explore(configuration)
            print(f"{name}: {wrong or 'no violation'} in {count} states{' (cut)' if count >= MAX_STATES else ''}")
            if wrong:
                print("    " + " > ".join(path))
            failed |= wrong is not None
    sys.exit(failed)


if __name__ == "__main__":
    main()
