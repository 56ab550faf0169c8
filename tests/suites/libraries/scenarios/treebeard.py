"""Trees as paths, nested sets and lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from treebeard.al_tree import AL_Node
from treebeard.mp_tree import MP_Node
from treebeard.ns_tree import NS_Node

from ..counted import count


class Owned(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    open = models.BooleanField(default=True)

    class Meta:
        abstract = True


class Path(Owned, MP_Node):
    pass


class Nested(Owned, NS_Node):
    pass


class Listed(Owned, AL_Node):
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children_set")
    sib_order = models.PositiveIntegerField()


TREES = (Path, Nested, Listed)
for tree in TREES:
    count(tree, "user", Q(open=True))
count(Path, "depth")
count(Listed, "parent")


def steps(ada: Any, bob: Any) -> Iterator[str]:
    for tree in TREES:
        root = tree.add_root(user=ada)
        for user in (ada, bob, bob):
            root = tree.objects.get(pk=root.pk)
            root.add_child(user=user)
        tree.objects.filter(user=bob).first().add_sibling("left", user=bob)
    Path.load_bulk([{"data": {"user": ada.pk}, "children": [{"data": {"user": bob.pk}}]}])
    yield "add_root, add_child, add_sibling, load_bulk"
    for tree in TREES:
        first, second = tree.get_root_nodes()[0].get_children()[:2]
        second.move(first, "sorted-child" if tree.node_order_by else "last-child")
    yield "move"
    Path.fix_tree()
    Path.objects.filter(user=bob).update(open=False)
    yield "fix_tree, update"
    for tree in TREES:
        tree.objects.filter(user=bob).first().delete()
        tree.get_root_nodes()[0].delete()
    Path.objects.all().delete()
    yield "delete of branches and of querysets"
