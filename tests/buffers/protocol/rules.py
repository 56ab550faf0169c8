"""The rules that the scripts keep: the text that keeps each of them, and steps that go wrong without it.

Some rules can be dropped one at a time and nothing goes wrong, because others stand in for them:

* What a correction compares (the number of the batch, what is pending, the batch, the place in it) changes only with
  steps that delete its guard, or that leave the value of its key as it is. They matter where a guard is not enough:
  see "a correction sent again counts once". Only spending the guard and comparing what is pending can be seen there.
* What a fill compares of the batch (score and place) changes only with the batch's number, or when the batch has been
  applied and goes, which leaves the value as it is.
* That a freeze changes the version keeps a reader from caching what it has worked out before, once the key has thawed.
  The cached total is right even so: it is without what waits in rows, as any total is that was cached before the row.
* That sums of zero are removed only saves room.
"""

from __future__ import annotations

from dataclasses import dataclass

from .play import Cast, each_step
from .world import Dropped

#: Who takes the steps below. Writer 0 adds 1 to a, 1 takes 1 from it, 2 adds 1 to b, 3 adds 1 to a and does not know,
#: 4 adds 2 to a and takes 1 from b.
EVERYBODY = Cast(
    writers=(0, 1, 2, 4, 3), flushers=2, healers=2, readers=(1,), group_readers=1, row_flushers=1, may_fall_back=True
)


@dataclass(frozen=True)
class Rule:
    """A rule of a script.

    Attributes:
        dropped: the script without it.
        steps: what goes wrong then with the last step: ``who: step, step; who: step ...``.
    """

    dropped: Dropped
    steps: str

    def cast(self) -> Cast:
        """Those who take the steps, and nobody else."""
        who = {name for name, _ in each_step(self.steps)}
        return Cast(
            writers=[EVERYBODY.writers[int(name[-1])] for name in sorted(who) if name.startswith("writer")],
            flushers=sum(name.startswith("flusher") for name in who),
            healers=sum(name.startswith("healer") for name in who),
            readers=EVERYBODY.readers if "reader 0" in who else (),
            group_readers=int("group reader 0" in who),
            row_flushers=sum(name.startswith("row flusher") for name in who),
            may_fall_back="no Redis" in self.steps,
            fate="fate" in who or "everybody" in who,
            may_freeze="frozen" in self.steps,
        )


def rule(steps: str, script: str, text: str, instead: str = "") -> Rule:
    return Rule(Dropped(script, ((text, instead),)), steps)


NO_INTENT = "if held == '' then"
DELETE_GUARD = "redis.call('HDEL', base .. ':guards', key)"
DELETE_GUARDS = "redis.call('HDEL', base .. ':guards', unpack(keys))"
SAME_PENDING = "(redis.call('ZSCORE', base .. ':pending', key) or '') == ARGV[i + 1]"

PUSH = "writer 0: intend, commit, push"
FILL = "reader 0: snapshot, read, fill"
RECOUNT = "healer 0: guard a, count, correct"

INTEND = {
    "an intent is noted as dirty": rule(
        "writer 0: intend",
        *("intend", "redis.call('ZADD', base .. ':dirty', 'LT', unpack(dirty))"),
    ),
    "an intent is looked at in time beside older ones": rule(
        f"writer 0: intend; fate: writer 0 dies, grace time passes, grace time passes; {RECOUNT}; writer 1: intend",
        *("intend", "'LT'", "'NX'"),
    ),
    "an intent ends a recount under way": rule(
        "healer 0: guard a; writer 0: intend, commit; healer 0: count, correct", "intend", DELETE_GUARDS
    ),
    "a frozen key takes no intent": rule(
        "fate: a is frozen; writer 0: intend",
        *("intend", "is_frozen and frozen or keys", "keys"),
    ),
}

PUSHED = {
    "only a token gives the right to add": rule(
        "writer 0: intend, commit, push without a reply, push again",
        *("push", "left and tonumber(left)", "tonumber(left or '1')"),
    ),
    "a flagged token gives no right to add": rule(
        f"writer 0: intend, commit; fate: grace time passes; {RECOUNT}; writer 0: push",
        *("push", "left and tonumber(left)", "left"),
    ),
    "a token is spent by the first push": rule(PUSH, "push", "redis.call('HDEL', intents, unpack(spent))"),
    "a push adds to the cached total": rule(
        f"{FILL}; {PUSH}",
        *("count", "and type(redis.pcall('INCRBY', totals[place], deltas[place])) == 'table'", "and false"),
    ),
    "a push ends a recount under way": rule(
        "writer 3: intend, commit; fate: grace time passes; healer 0: guard a; writer 3: push;"
        " healer 0: count, correct",
        *("push", DELETE_GUARDS.replace("keys", "all")),
    ),
    "a push without the right asks for a recount": rule(
        "writer 0: intend, commit; fate: grace time passes; healer 0: guard a, count, correct; writer 0: push",
        *("push", "or not left then", "or false then"),
    ),
    "an unknown delta asks for a recount": rule(
        "writer 3: intend, commit, push", "push", "if delta == '?' or", "if delta == '?' then delta = '0' end if"
    ),
    "what is to be recounted has no total": rule(
        f"{FILL}; writer 3: intend, commit, push", "push", "redis.call('DEL', base .. ':total:' .. key)"
    ),
    "what is to be recounted is so at once": rule(
        "writer 3: intend, commit, push", "push", "redis.call('ZADD', dirty, now, key)"
    ),
    "a push leaves what others intend": rule(
        "writer 1: intend, commit; writer 0: intend, commit, push; fate: writer 1 dies",
        *("push", "if rest == '' then", "if true then"),
    ),
    "a push spends its own among others": rule(
        "writer 1: intend; writer 0: intend, commit, push", "push", "redis.call('HSET', intents, unpack(shared))"
    ),
    "a push takes a key for untouched by others only if it holds the very same": rule(
        "writer 2: intend, commit; writer 4: intend, commit, push; fate: writer 2 dies",
        "push",
        "held ~= alone",
        "not alone",
    ),
}

FLUSHED = {
    "a batch that was begun is resumed": rule(
        f"{PUSH}; flusher 0: look, claim; fate: flusher 0 dies; writer 2: intend, commit, push; flusher 0: look, claim",
        *("claim", "if held == 0 and redis", "if redis"),
    ),
    "each batch has a number of its own": rule(
        f"{PUSH}; flusher 0: look, claim, lock, slice, commit, lock, slice, acknowledge; {PUSH};"
        " flusher 0: look, claim",
        *("claim", "redis.call('INCR', sequence)", "seq"),
    ),
    "only its own batch is acknowledged": rule(
        f"{PUSH}; flusher 0: look, claim, lock, slice, commit; flusher 1: look, claim;"
        " flusher 0: lock, slice, acknowledge; writer 2: intend, commit, push; flusher 0: look, claim;"
        " flusher 1: lock, slice, acknowledge",
        *("acknowledge", "redis.call('GET', KEYS[1] .. ':seq') == ARGV[1]", "true"),
    ),
    "rows are applied without their total": rule(
        f"{FILL}; writer 0: find no Redis, commit; row flusher 0: list rows, delete totals, apply rows",
        *("forget", "redis.call('DEL', base .. ':total:' .. ARGV[i])"),
    ),
    "forgetting changes the version": rule(
        "fate: a is frozen; writer 0: intend; fate: a thaws; reader 0: snapshot, read; writer 0: commit, forget;"
        " reader 0: fill",
        *("forget", "redis.call('INCR', base .. ':version')", "1"),
    ),
}

FILLED = {
    "a fill compares the number of the batch": rule(
        f"reader 0: snapshot, read; {PUSH};"
        " flusher 0: look, claim, lock, slice, commit, lock, slice, acknowledge; reader 0: fill",
        *("fill", "':seq') or '0') ~= ARGV[2]", "':seq') or '0') == ''"),
    ),
    "a fill compares the version": rule(
        "reader 0: snapshot, read; writer 0: find no Redis, commit; row flusher 0: list rows, delete totals;"
        " reader 0: fill; row flusher 0: apply rows",
        *("fill", "':version') or '0') ~= ARGV[3]", "':version') or '0') == ''"),
    ),
    "a fill compares what is pending": rule(
        f"reader 0: snapshot, read; {PUSH}; reader 0: fill", "fill", SAME_PENDING, "true"
    ),
    "a frozen key is not filled": rule(
        f"fate: a is frozen; {FILL}", "fill", "redis.call('EXISTS', base .. ':frozen:' .. key) == 0", "true"
    ),
    "what is to be recounted is not filled": rule(
        "reader 0: snapshot, read; writer 3: intend, commit, push; reader 0: fill",
        *("fill", "not is_asked(key)", "true"),
    ),
}

RECOUNTED = {
    "a recount waits for young intents": rule(f"writer 0: intend; {RECOUNT}", "guard", "young = 1"),
    "a correction needs a guard": rule(
        "healer 0: guard a; writer 0: intend, commit; healer 0: count, correct",
        *("correct", "redis.call('HGET', base .. ':guards', key) == id", "true"),
    ),
    "a correction needs a guard of its own": rule(
        "healer 0: guard a; writer 0: intend, commit; healer 1: guard a; healer 0: count, correct",
        *("correct", "':guards', key) == id", "':guards', key)"),
    ),
    "a correction sent again counts once": Rule(
        Dropped("correct", ((DELETE_GUARD, ""), (SAME_PENDING, "true"))),
        "writer 0: intend, commit; fate: writer 0 dies, grace time passes;"
        " healer 0: guard a, count, correct without a reply, correct again",
    ),
    "a correction deletes the total": rule(
        f"writer 0: intend, commit; fate: writer 0 dies, grace time passes; {FILL}; {RECOUNT}",
        *("correct", "redis.call('DEL', base .. ':total:' .. key)"),
    ),
    "a check corrects nothing": rule(
        "writer 0: intend, commit; fate: writer 0 dies, grace time passes; healer 0: guard to check, count, correct",
        *("correct", "if same and corrects", "if same"),
    ),
    "kept intents are flagged": rule(
        f"writer 0: intend, commit; fate: grace time passes; {RECOUNT}",
        "correct",
        "'=flagged ' .. since",
        "'=' .. since",
    ),
    "an intent that was not seen to be old stays": rule(
        f"writer 0: intend; fate: grace time passes; {RECOUNT}; writer 0: commit; fate: writer 0 dies",
        *("correct", NO_INTENT, "if true then"),
    ),
    "intents of live writers are kept": rule(
        f"writer 0: intend; fate: grace time passes; {RECOUNT}; writer 0: commit; fate: writer 0 dies",
        *("correct", "now - since > longest", "true"),
    ),
    "old intents are dropped": rule(
        "writer 0: intend; fate: writer 0 dies; everybody: rest", "correct", "now - since > longest", "false"
    ),
    "a recount is no longer asked for": rule(
        f"writer 3: intend, commit, push; {RECOUNT}", "correct", "token == 'recount' or"
    ),
    "a freeze deletes the total": rule(
        f"{FILL}; fate: a is frozen", "freeze", "redis.call('DEL', base .. ':total:' .. ARGV[i])"
    ),
    "a freeze freezes": rule(
        "fate: a is frozen", "freeze", "redis.call('SET', base .. ':frozen:' .. ARGV[i], 1, 'EX', ARGV[1])"
    ),
}

FILL_GROUP = "group reader 0: snapshot, read, fill"

GROUPED = {
    "a push adds to the cached group": rule(
        f"{FILL_GROUP}; {PUSH}",
        "groups",
        "and type(redis.pcall('HINCRBY', name, rests[place], deltas[place])) == 'table'",
        "and false",
    ),
    "what is pending is found in its group": rule(
        f"{PUSH}; group reader 0: snapshot, read",
        *("groups", "redis.call('ZADD', base .. ':pending_keys', unpack(held))"),
    ),
    "what a recount has added is found in its group": rule(
        f"writer 0: intend, commit; fate: writer 0 dies, grace time passes; {RECOUNT}; group reader 0: snapshot, read",
        *("correct", "groups.note({key}, {sum})"),
    ),
    "a batch is found in its group": rule(
        f"{PUSH}; flusher 0: look, claim; group reader 0: snapshot, read",
        *("groups", "redis.call('RENAME', base .. ':pending_keys',", "redis.call('UNLINK', base .. ':pending_keys',"),
    ),
    "what is to be recounted is found in its group": rule(
        f"writer 3: intend, commit, push; {FILL_GROUP}",
        *("groups", "redis.call('ZADD', base .. ':asked_keys', 0, key)"),
    ),
    "what is to be recounted has no group": rule(
        f"{FILL_GROUP}; writer 3: intend, commit, push",
        "groups",
        ":asked_keys', 0, key)\n    groups.forget(key)",
        ":asked_keys', 0, key)",
    ),
    "a correction deletes the group": rule(
        f"writer 0: intend, commit; fate: writer 0 dies, grace time passes; {FILL_GROUP}; {RECOUNT}",
        *("correct", "groups.forget(key)"),
    ),
    "rows are applied without their group": rule(
        f"{FILL_GROUP}; writer 0: find no Redis, commit; row flusher 0: list rows, delete totals, apply rows",
        *("forget", "groups.forget(ARGV[i])"),
    ),
    "a freeze deletes the group": rule(
        f"{FILL_GROUP}; fate: a is frozen", "groups", "redis.call('DEL', base .. ':group:' .. group)"
    ),
    "a group with a frozen key is not filled": rule(
        f"fate: a is frozen; {FILL_GROUP}", "fill_group", "':frozen_group:' .. group) == 1", "':frozen_group:') == 1"
    ),
    "a group is filled only if all of its keys are those of the snapshot": rule(
        f"{PUSH}; group reader 0: snapshot, read; writer 1: intend, commit, push; group reader 0: fill",
        *("fill_group", "#held ~= number", "false"),
    ),
    "a group is filled only if what is pending is as it was": rule(
        f"{PUSH}; group reader 0: snapshot, read; {PUSH}; group reader 0: fill",
        *("fill_group", "before[1] == now[2]", "true"),
    ),
    "a group is filled only if the batch is as it was": rule(
        f"group reader 0: snapshot, read; {PUSH};"
        " flusher 0: look, claim, lock, slice, commit, lock, slice, acknowledge; group reader 0: fill",
        *("fill_group", "':seq') or '0') ~= ARGV[2]", "':seq') or '0') == ''"),
    ),
    "a group is filled only if the version is as it was": rule(
        "group reader 0: snapshot, read; writer 0: find no Redis, commit; row flusher 0: list rows, delete totals;"
        " group reader 0: fill; row flusher 0: apply rows",
        *("fill_group", "':version') or '0') ~= ARGV[3]", "':version') or '0') == ''"),
    ),
}

RULES = {**GROUPED, **INTEND, **PUSHED, **FLUSHED, **FILLED, **RECOUNTED}
