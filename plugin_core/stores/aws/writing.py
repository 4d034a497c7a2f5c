"""Changes and edits as calls: what is not there is made, of what is there only what differs is sent.

Each call may be made again without harm, but for points of metrics; those that AWS has acknowledged are not sent
again by this process (``Progress``). Nothing is sent of a component that AWS and the bucket cannot hold whole.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from plugin_core.errors import ConflictError, InvalidValueError, NotFoundError
from plugin_core.model import edits as e
from plugin_core.model.changes import Change, PutAssociation, SetStatus
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.stores.aws import image as images
from plugin_core.stores.aws import nodes, state, texts
from plugin_core.stores.aws.fetching import Fetching
from plugin_core.stores.aws.image import Image
from plugin_core.stores.aws.plan import EDITED, Asked, Plan, belonging, key_of, put_by, unless
from plugin_core.stores.aws.points import Progress, Sender, note_points
from plugin_core.stores.aws.state import ComponentState

_log = logging.getLogger("flowtrail")
_MOST_KNOWN: Final = 2_000
_NO_EXPERIMENT: Final = "default"  # a trial has to have one
_LINEAGE: Final = (NodeKind.ARTIFACT, NodeKind.ACTION, NodeKind.CONTEXT)


class Writing:
    """Writes; for one thread at a time. It remembers what it wrote, to send only what differs."""

    def __init__(self, fetching: Fetching) -> None:
        self._fetching = fetching
        self._calls = fetching.calls
        self._send = Sender(fetching.calls)
        self._components: OrderedDict[str, tuple[ComponentState, Image]] = OrderedDict()
        self._nodes: OrderedDict[tuple[NodeKind, str], tuple[nodes.NodeState, nodes.NodeImage]] = OrderedDict()
        self._done: OrderedDict[tuple[Any, ...], None] = OrderedDict()  # memberships and edges that are there
        self._cut: set[tuple[NodeKind, str]] = set()
        self._times: OrderedDict[tuple[NodeKind, str], Any] = OrderedDict()  # when what is there was logged

    def forget(self, *, is_deleted: bool = False) -> None:
        """Others may have written: ask AWS again. When what we wrote was logged, AWS does not know."""
        for name, (component, _) in self._components.items():
            self._times[NodeKind.COMPONENT, name] = component.logged_at
        self._times |= {key: node.logged_at for key, (node, _) in self._nodes.items()}
        if is_deleted:  # what is made anew has nothing of the old
            self._times.clear()
        while len(self._times) > _MOST_KNOWN:
            self._times.popitem(last=False)
        self._components.clear()
        self._nodes.clear()
        self._done.clear()

    def write(self, changes: Iterable[Change], progress: Progress, *, may_refuse: bool = False) -> Plan:
        """Carry out changes."""
        plan = Plan(changes)
        for asked in plan.of(NodeKind.EXPERIMENT, NodeKind.TRIAL):
            self._node(asked, may_refuse=may_refuse)
        for asked in plan.of(NodeKind.COMPONENT):
            self._component(asked, progress, may_refuse=may_refuse)
        for asked in plan.of(*_LINEAGE):
            self._node(asked, may_refuse=may_refuse)
        for edge in plan.edges:
            self._edge(edge, may_refuse=may_refuse)
        return plan

    def check(self, asked: Sequence[Any]) -> None:
        """Refuse what can be told to be refused before any of it is sent: AWS would keep what came before."""
        put: set[tuple[NodeKind, str]] = set()
        for change in asked:
            ref = put_by(change)
            if ref is not None and getattr(change, "new", False):
                self._refuse(ref, put)
                self._require(*unless(put, *belonging(change)))
            if ref is not None:
                put.add(key_of(ref))
            if type(change) in EDITED:
                kind, attribute = EDITED[type(change)]
                self._require(*unless(put, NodeRef(kind, getattr(change, attribute))))
            elif isinstance(change, e.AddToTrial | e.RemoveFromTrial):
                component, trial = NodeRef(NodeKind.COMPONENT, change.component), NodeRef(NodeKind.TRIAL, change.trial)
                self._require(*unless(put, component, trial))

    def _refuse(self, ref: NodeRef, put: set[tuple[NodeKind, str]]) -> None:
        """ConflictError for what is there, or was put before."""
        try:
            if key_of(ref) not in put:
                self._fetching.described(ref)
        except NotFoundError:
            return
        raise ConflictError(f"{ref.kind} {ref.key!r} exists.", kind=ref.kind, name=ref.key)

    def edit(self, edit: e.Edit) -> None:
        """Carry out an edit; NotFoundError."""
        if isinstance(edit, e.AddToTrial):
            self._require(NodeRef(NodeKind.COMPONENT, edit.component), NodeRef(NodeKind.TRIAL, edit.trial))
            self._associate(edit.component, edit.trial)
        elif isinstance(edit, e.RemoveFromTrial):
            self.leave(edit.component, edit.trial)
        elif isinstance(edit, e.TagArn):
            self._tag(
                edit.arn.lower(), {texts.quoted(k): texts.tag_value(v) for k, v in edit.tags.items()}, edit.removed
            )
        else:
            kind, attribute = EDITED[type(edit)]
            ref = NodeRef(kind, getattr(edit, attribute))
            if kind is NodeKind.COMPONENT:
                self._require(ref)
                there = self._read(ref.key)
                assert there is not None
                self._bring(*there, Asked(ref=ref, at=edit.at, changes=[edit]), Progress())
            else:
                self._update(*self._node_read(ref), [edit])

    # Components

    def _component(self, asked: Asked, progress: Progress, *, may_refuse: bool) -> None:
        key = asked.ref.key.casefold()
        known = self._components.get(key)
        if known is not None and any(isinstance(change, SetStatus) and change.inferred for change in asked.changes):
            known = None  # a guess is made of what is there now
            self._components.pop(key)
        is_new = may_refuse and asked.must_be_new
        if is_new:
            self._require(*(NodeRef(NodeKind.TRIAL, trial) for trial in asked.trials))
        if known is None and not is_new and (NodeKind.COMPONENT, key) in self._times:
            known = self._read(asked.ref.key)
        if known is None:
            known = self._created(asked, progress, is_new=is_new)
        if known is not None:
            try:
                self._bring(*known, asked, progress)
            except (NotFoundError, InvalidValueError):  # somebody deleted it, or what was asked cannot be held
                self._components.pop(key, None)
                raise
        for trial in asked.trials:
            self._associate(asked.ref.key, trial)

    def _created(self, asked: Asked, progress: Progress, *, is_new: bool) -> tuple[ComponentState, Image] | None:
        """Make a component as it is to be; where there is one, what is known of it."""
        made = ComponentState(name=asked.ref.key)
        image = self._changed(made, asked, tried := progress.copy())
        document = self._held(asked.ref.key, image)
        members = images.creation(image) | {"TrialComponentName": asked.ref.key}
        members["MetadataProperties"] = images.metadata(made.provenance)
        try:
            answer = self._calls("create_trial_component", **members)
        except ConflictError as error:
            if is_new:
                raise ConflictError(error.message, kind=asked.ref.kind, name=asked.ref.key) from error
            return self._read(asked.ref.key)
        progress.take(tried)
        made.arn = self._fetching.learn(str(answer["TrialComponentArn"]))
        self._remember(made, image)
        self._put_document(made.name, document)
        self._points(made, image, asked, progress)
        return None

    def _read(self, name: str) -> tuple[ComponentState, Image] | None:
        """What AWS holds of a component, and when what we wrote of it was logged; None if it is gone."""
        key = (NodeKind.COMPONENT, name.casefold())
        times = self._times.pop(key, {})
        try:
            state, image = self._fetching.component(name)
        except NotFoundError:
            return None
        state.logged_at = times
        return state, image

    def _bring(self, there: ComponentState, old: Image, asked: Asked, progress: Progress) -> None:
        """Bring a component to what is asked, by what differs."""
        if not asked.changes and not asked.points:
            self._remember(there, old)
            return
        name = there.name
        new = self._changed(there, asked, progress)
        self._remember(there, old)  # if what follows fails, the same differs next time
        document = self._held(name, new)
        if members := images.update(old, new):
            self._calls("update_trial_component", TrialComponentName=name, **members)
        self._tag_changes(there.arn, old.tags, new.tags)
        if document != old.held:
            self._put_document(name, document)
        self._remember(there, new)
        self._points(there, new, asked, progress)

    def _changed(self, there: ComponentState, asked: Asked, progress: Progress) -> Image:
        if not asked.changes:
            there.mention(asked.at)
        for change in asked.changes:
            state.change(there, change)
        note_points(there, asked.points, progress)
        return images.image_of(there)

    def _held(self, name: str, image: Image) -> dict[str, Any]:
        self._fetching.held.check(name, image.held)
        if image.held:
            image.outputs |= self._fetching.held.entry(name)
        return image.held

    def _put_document(self, name: str, document: dict[str, Any]) -> None:
        if document:
            self._fetching.held.put(name, document)

    def _points(self, there: ComponentState, image: Image, asked: Asked, progress: Progress) -> None:
        refused = self._send(there.name, asked.points, progress)
        if not refused:
            return
        for metric, points in refused.items():
            there.held_points.setdefault(metric, []).extend(points)
        new = images.image_of(there)
        document = self._held(there.name, new)
        if members := images.update(image, new):
            self._calls("update_trial_component", TrialComponentName=there.name, **members)
        self._put_document(there.name, document)
        self._remember(there, new)

    def _remember(self, known: ComponentState, image: Image) -> None:
        self._components[known.name.casefold()] = (known, image)
        self._components.move_to_end(known.name.casefold())
        if len(self._components) > _MOST_KNOWN:
            self._components.popitem(last=False)

    # Trials

    def _associate(self, component: str, trial: str) -> None:
        if self._is_done(("member", component.casefold(), trial.casefold())):
            return
        self._calls("associate_trial_component", TrialComponentName=component, TrialName=trial)
        self._note(("member", component.casefold(), trial.casefold()))

    def leave(self, component: str, trial: str) -> None:
        """Take a component out of a trial. One that was at home there has no home of ours any more."""
        self._require(NodeRef(NodeKind.TRIAL, trial))
        there, old = self._fetching.component(component)
        self._calls("disassociate_trial_component", TrialComponentName=component, TrialName=trial)
        if there.facts.get("trial", "").casefold() == trial.casefold():
            for word in ("trial", "experiment"):
                there.facts.pop(word, None)
            self._tag_changes(there.arn, old.tags, images.image_of(there).tags)

    def _require(self, *refs: NodeRef) -> None:
        for ref in refs:
            self._fetching.described(ref)

    # Other nodes

    def _node(self, asked: Asked, *, may_refuse: bool) -> None:
        key = key_of(asked.ref)
        known = self._nodes.get(key)
        is_new = may_refuse and asked.must_be_new
        if known is None:
            known = self._made(asked, is_new=is_new)
        elif is_new:
            raise ConflictError(f"{asked.ref.kind} exists.", kind=asked.ref.kind, name=asked.ref.key)
        if known is not None:
            self._update(*known, asked.changes, asked=asked)

    def _made(self, asked: Asked, *, is_new: bool) -> tuple[nodes.NodeState, nodes.NodeImage] | None:
        """Make a node as it is to be; where there is one, what is known of it."""
        if asked.ref.kind is NodeKind.ARTIFACT and (found := self._found(asked.ref)) is not None:
            if is_new and found.is_described:
                raise ConflictError("The artifact exists.", kind=asked.ref.kind, name=asked.ref.key)
            return self._timed(found)
        made = nodes.NodeState(kind=asked.ref.kind, key=asked.ref.key)
        self._change(made, asked.changes, asked)
        if made.kind is NodeKind.TRIAL:
            made.experiment = made.experiment or asked.experiment or _NO_EXPERIMENT
            if asked.experiment is None:
                self._node(Asked(ref=NodeRef(NodeKind.EXPERIMENT, made.experiment), at=asked.at), may_refuse=False)
        image = nodes.image_of(made)
        word = nodes.WORDS[made.kind]
        try:
            answer = self._calls(f"create_{word.lower()}", **nodes.creation(made, image))
        except ConflictError as error:
            if is_new:
                raise ConflictError(error.message, kind=made.kind, name=made.key) from error
            return self._node_read(asked.ref)
        made.arn, made.made_as = self._fetching.learn(str(answer[f"{word}Arn"])), nodes.told(made)
        if made.kind is NodeKind.ARTIFACT:
            self._fetching.remember(made.key, made.arn, made.display_name or made.key)
        self._know(made, image)
        return None

    def _node_read(self, ref: NodeRef) -> tuple[nodes.NodeState, nodes.NodeImage]:
        return self._timed(self._fetching.node(ref))

    def _timed(self, found: nodes.NodeState) -> tuple[nodes.NodeState, nodes.NodeImage]:
        """What was found, with when what we wrote of it was logged."""
        found.logged_at = self._times.pop(key_of(NodeRef(found.kind, found.key)), {})
        return found, nodes.image_of(found)

    def _found(self, ref: NodeRef) -> nodes.NodeState | None:
        try:
            return self._fetching.node(ref)
        except NotFoundError:
            return None

    def _change(self, node: nodes.NodeState, changes: Sequence[Any], asked: Asked | None) -> None:
        for change in changes:
            nodes.change(node, change)
        if asked is not None:
            if not changes:
                node.mention(asked.at)
            node.used = max(node.used, asked.used_at or asked.at)
            node.is_described = node.is_described or node.kind in {NodeKind.EXPERIMENT, NodeKind.TRIAL}

    def _update(
        self, node: nodes.NodeState, old: nodes.NodeImage, changes: Sequence[Any], *, asked: Asked | None = None
    ) -> None:
        self._change(node, changes, asked)
        self._know(node, old)
        new = nodes.image_of(node)
        word = nodes.WORDS[node.kind]
        if members := nodes.update(old, new):
            name = {"ArtifactArn": node.arn} if node.kind is NodeKind.ARTIFACT else {f"{word}Name": node.key}
            self._calls(f"update_{word.lower()}", **name, **members)
        self._tag_changes(node.arn, old.tags, new.tags)
        if node.kind is NodeKind.ARTIFACT:
            self._fetching.remember(node.key, node.arn, node.display_name or node.key)
        self._know(node, new)

    def _know(self, node: nodes.NodeState, image: nodes.NodeImage) -> None:
        key = key_of(NodeRef(node.kind, node.key))
        if node.is_cut and key not in self._cut:
            self._cut.add(key)
            _log.warning("SageMaker cannot hold all of %s %s: it was cut short", node.kind, node.key)
        self._nodes[key] = (node, image)
        if len(self._nodes) > _MOST_KNOWN:
            self._nodes.popitem(last=False)

    # Tags and edges

    def _tag_changes(self, arn: str, old: dict[str, str], new: dict[str, str]) -> None:
        changed = {key: value for key, value in new.items() if old.get(key) != value}
        self._tag(arn, changed, [key for key in old if key not in new])

    def _tag(self, arn: str, tags: dict[str, str], removed: Sequence[str]) -> None:
        if removed:
            self._calls("delete_tags", ResourceArn=arn, TagKeys=list(removed))
        if tags:
            self._calls("add_tags", ResourceArn=arn, Tags=images.tag_list(tags))

    def _edge(self, edge: PutAssociation, *, may_refuse: bool) -> None:
        is_new = may_refuse and edge.new
        done = ("edge", *key_of(edge.source), *key_of(edge.destination), edge.type)
        if not is_new and self._is_done(done):
            return
        if is_new:
            self._require(edge.source, edge.destination)
        try:
            self._calls(
                "add_association",
                SourceArn=self._fetching.arn(edge.source),
                DestinationArn=self._fetching.arn(edge.destination),
                AssociationType=edge.type,
            )
        except ConflictError:
            if is_new:
                raise
        self._note(done)

    def _is_done(self, what: tuple[Any, ...]) -> bool:
        return what in self._done

    def _note(self, what: tuple[Any, ...]) -> None:
        self._done[what] = None
        if len(self._done) > _MOST_KNOWN * 10:
            self._done.popitem(last=False)
