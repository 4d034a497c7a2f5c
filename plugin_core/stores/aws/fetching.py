"""Asks AWS for one thing at a time, by its name. ARNs of artifacts are remembered, since they do not change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plugin_core.errors import NotFoundError
from plugin_core.model import arns, names
from plugin_core.model.lineage import NodeKind, NodeRef
from plugin_core.stores.aws import image as images
from plugin_core.stores.aws import nodes
from plugin_core.stores.aws.calls import Calls
from plugin_core.stores.aws.held import HeldDocuments
from plugin_core.stores.aws.state import ComponentState

_DESCRIBE: Final = {
    NodeKind.EXPERIMENT: "describe_experiment",
    NodeKind.TRIAL: "describe_trial",
    NodeKind.COMPONENT: "describe_trial_component",
    NodeKind.ARTIFACT: "describe_artifact",
    NodeKind.ACTION: "describe_action",
    NodeKind.CONTEXT: "describe_context",
}
_MOST_REMEMBERED: Final = 100_000


class Fetching:
    """Reads what AWS holds. Safe to share between threads: it only remembers what cannot change."""

    def __init__(self, calls: Calls, held: HeldDocuments) -> None:
        self.calls = calls
        self.held = held
        self._arns: dict[str, str] = {}  # of artifacts, by URI
        self._uris: dict[str, str] = {}
        self._names: dict[str, str] = {}  # of artifacts, by URI
        self._prefix: tuple[str, str] | None = None  # region and account, as ARNs have them

    # ARNs

    def learn(self, arn: str) -> str:
        """Note how ARNs begin here."""
        if self._prefix is None:
            _, _, _, region, account, _ = arn.split(":", 5)
            self._prefix = (region, account)
        return arn

    def arn(self, ref: NodeRef) -> str:
        """The ARN of a node; NotFoundError for an artifact that is not there."""
        if ref.kind is NodeKind.ARTIFACT:
            return self.artifact_arn(ref.key)
        if self._prefix is None:
            self._prefix = self._place(ref)
        region, account = self._prefix
        return names.arn(arns.WORDS[ref.kind], ref.key, region=region, account=account)

    def _place(self, ref: NodeRef) -> tuple[str, str]:
        address = self.calls.address
        if address.account is not None:
            return address.region, address.account
        self.learn(str(self.described(ref)[f"{nodes.WORDS[ref.kind]}Arn"]))
        assert self._prefix is not None
        return self._prefix

    def artifact_arn(self, uri: str) -> str:
        """The ARN of the artifact with a source; NotFoundError."""
        known = self._arns.get(uri)
        if known is None:
            if not 1 <= len(uri) <= 2048:  # noqa: PLR2004 - AWS's limits of a URI
                raise NotFoundError("artifact", uri)
            listed = self.calls("list_artifacts", SourceUri=uri, SortOrder="Ascending").get("ArtifactSummaries", ())
            found = next((each for each in listed if each["Source"]["SourceUri"] == uri), None)
            if found is None:
                raise NotFoundError("artifact", uri)
            known = str(found["ArtifactArn"])
            self.remember(uri, known)
        return known

    def remember(self, uri: str, arn: str, name: str | None = None) -> None:
        """Note an artifact's ARN, and its name as it was given."""
        if name is not None:
            self._names[uri] = name
        if len(self._arns) >= _MOST_REMEMBERED:
            self._arns.clear()
            self._uris.clear()
            self._names.clear()
        self._arns[uri] = self.learn(arn)
        self._uris[arn] = uri

    def artifact_name(self, uri: str) -> str | None:
        """An artifact's name, if it was noted."""
        return self._names.get(uri)

    def forget(self, uri: str) -> None:
        """An artifact is gone."""
        self._uris.pop(self._arns.pop(uri, ""), None)

    def ref(self, arn: str, name: str | None = None) -> NodeRef:
        """The node that an ARN names, in the case of its name where that is known; NotFoundError for no node."""
        parts = arns.parse_arn(arn)
        if parts.kind is None:
            raise NotFoundError("node", arn)
        if parts.kind is NodeKind.ARTIFACT:
            return NodeRef(parts.kind, self.uri_of(arn))
        return NodeRef(parts.kind, name if name and name.casefold() == parts.name.casefold() else parts.name)

    def uri_of(self, arn: str) -> str:
        """The source of an artifact by its ARN; NotFoundError."""
        known = self._uris.get(arn)
        if known is None:
            found = nodes.state_from(NodeKind.ARTIFACT, self.calls("describe_artifact", ArtifactArn=arn), ())
            known = found.key
            self.remember(known, arn, found.display_name)
        return known

    def artifact_called(self, name: str) -> str:
        """The source of the artifact whose ARN ends so; NotFoundError."""
        if not name.isalnum() or self._prefix is None:
            raise NotFoundError("artifact", name)
        region, account = self._prefix
        return self.uri_of(names.arn("artifact", name, region=region, account=account))

    # Things

    def described(self, ref: NodeRef) -> dict[str, Any]:
        """What Describe says of a node; NotFoundError."""
        word = nodes.WORDS[ref.kind]
        if ref.kind is NodeKind.ARTIFACT:
            return self.calls(_DESCRIBE[ref.kind], ArtifactArn=self.artifact_arn(ref.key))
        if not _may_be_named(ref):
            raise NotFoundError(str(ref.kind), ref.key)
        answer = self.calls(_DESCRIBE[ref.kind], **{f"{word}Name": ref.key})
        self.learn(str(answer[f"{word}Arn"]))
        return answer

    def tags(self, arn: str) -> list[dict[str, str]]:
        """Tags as AWS has them."""
        return list(self.calls.pages("list_tags", "Tags", ResourceArn=arn))

    def node(self, ref: NodeRef) -> nodes.NodeState:
        """What is known of a node that is no component; NotFoundError."""
        members = self.described(ref)
        tags = self.tags(str(members[f"{nodes.WORDS[ref.kind]}Arn"]))
        return nodes.state_from(ref.kind, members, tags)

    def component(self, name: str) -> tuple[ComponentState, images.Image]:
        """What is known of a component, and what AWS holds; NotFoundError."""
        members = self.described(NodeRef(NodeKind.COMPONENT, name))
        state, image = self.read(members, self.tags(str(members["TrialComponentArn"])))
        if "trial" not in state.facts:
            state.parents = self.parents_of(name)
        return state, image

    def read(self, members: Mapping[str, Any], tags: list[dict[str, str]]) -> tuple[ComponentState, images.Image]:
        """What an answer that describes a component says."""
        held = self.held.get(members.get("OutputArtifacts") or {})
        image = images.image_from(members, tags, held)
        return images.state_from(members, image), image

    def parents_of(self, component: str) -> dict[str, str]:
        """Experiments by trial, oldest first."""
        summaries = self.calls.pages(
            "list_trials", "TrialSummaries", TrialComponentName=component, SortOrder="Ascending"
        )
        trials = [str(each["TrialName"]) for each in summaries]
        return {name: str(self.calls("describe_trial", TrialName=name)["ExperimentName"]) for name in trials}


def _may_be_named(ref: NodeRef) -> bool:
    """Whether AWS would take the name: one that it would not is of nothing."""
    from plugin_core.stores.aws.texts import is_entity_name

    name = ref.key.replace("_", "-") if ref.kind is NodeKind.CONTEXT else ref.key
    return is_entity_name(name)
