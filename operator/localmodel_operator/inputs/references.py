"""Records which resources read which ConfigMaps and Secrets, so that an edit of one wakes its readers.

It only saves time: a resync finds every edit, too.
"""

from localmodel.resource.spec import DeploymentSpec
from localmodel_operator.workqueue import Key

Reference = tuple[str, str, str]  # kind, namespace, name


class References:
    def __init__(self) -> None:
        self._of: dict[Key, frozenset[Reference]] = {}

    def set(self, key: Key, namespace: str, spec: DeploymentSpec) -> None:
        """Record what the resource `key` refers to now."""
        self._of[key] = _of(namespace, spec)

    def forget(self, key: Key) -> None:
        self._of.pop(key, None)

    def readers(self, reference: Reference) -> list[Key]:
        return [key for key, referenced in self._of.items() if reference in referenced]


def moves(spec: DeploymentSpec) -> bool:
    """Whether what the spec names may change without an edit of it."""
    is_refreshed = any(model.refresh for model in spec.models) or bool(spec.source.git and spec.source.git.refresh)
    return is_refreshed or bool(_of("", spec))


def _of(namespace: str, spec: DeploymentSpec) -> frozenset[Reference]:
    referenced = {
        (variable.value_from.kind, namespace, variable.value_from.name) for variable in spec.env if variable.value_from
    }
    referenced |= {("Secret", namespace, model.credentials) for model in spec.models if model.credentials}
    if spec.source.git and spec.source.git.credentials:
        referenced.add(("Secret", namespace, spec.source.git.credentials))
    if spec.source.config_map:
        referenced.add(("ConfigMap", namespace, spec.source.config_map))
    if spec.gate and spec.gate.config_map:
        referenced.add(("ConfigMap", namespace, spec.gate.config_map))
    return frozenset(referenced)
