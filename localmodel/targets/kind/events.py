"""Reads the Events about some objects of a cluster, a few seconds late if it is asked often."""

import time

from localmodel.targets.kind.kubectl import Kubectl, Object, items

_SECONDS = 5.0
_FEW = 4  # so many objects are asked for one by one; for more, one call for all Events of the namespace costs less


class Events:
    """The Events of a cluster. What was read last stays for some seconds, since a page asks again and again."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._read: dict[tuple[str, frozenset[str]], tuple[float, list[Object]]] = {}

    def about(self, namespace: str, uids: frozenset[str]) -> list[Object]:
        """The Events about the objects with these uids.

        Raises:
            UserError: KubectlMissing, KubectlFailed.
        """
        now = time.monotonic()
        self._read = {key: read for key, read in self._read.items() if now - read[0] < _SECONDS}
        key = namespace, uids
        if key not in self._read:
            selectors = [f"involvedObject.uid={uid}" for uid in sorted(uids)] if len(uids) <= _FEW else [""]
            found = [event for selector in selectors for event in self._get(namespace, selector)]
            own = [event for event in found if event.get("involvedObject", {}).get("uid") in uids]
            self._read[key] = now, own
        return self._read[key][1]

    def _get(self, namespace: str, selector: str) -> list[Object]:
        options = ["--field-selector", selector] if selector else []
        return items(self._kubectl.run("get", "events", "--namespace", namespace, *options, "-o", "json"))
