"""The children that only some specs have, as a real API server takes, completes and counts them.

No controller of Ingresses runs here: the test writes into the Ingress's status what one would.
"""

from __future__ import annotations

import json

from kube import Namespace, Object, Refused, eventually
from support import given

SERVICE = {"expose": "Ingress", "host": "ml.example", "path": "/team/digits"}
SCALING = {"autoscaling": {"max": 3, "inflight": 2000}}


def read(namespace: Namespace, kind: str) -> Object:
    found: Object = json.loads(namespace.kubectl("get", kind, "app", "-o", "json"))
    return found


def is_there(namespace: Namespace, kind: str) -> bool:
    try:
        read(namespace, kind)
    except Refused as error:
        assert "not found" in str(error)
        return False
    return True


def durable(namespace: Namespace) -> None:
    namespace.kubectl("wait", "--for=condition=Durable", "lmd/app", "--timeout=200s")


def test_they_come_stay_and_go_as_the_spec_says(namespace: Namespace) -> None:
    manifest = given.lmd("app", 1, given.inline(given.script("first")))
    namespace.apply(given.with_fields(manifest, service={"expose": "None"}, replicas=2))
    namespace.wait_ready("app", 200)
    led = given.with_fields(manifest, service=SERVICE, **SCALING)
    namespace.apply(led)
    pending = namespace.wait_condition("app", "Ready", "False", "AddressPending", 200)
    assert "no Ingress controller" in pending["message"]
    # An address of this machine, which a controller elsewhere would not mean: the Service is asked instead
    status = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}})
    namespace.kubectl("patch", "ingress", "app", "--subresource=status", "--type=merge", "--patch", status)
    serving = namespace.wait_ready("app")
    assert serving["status"]["url"] == "http://ml.example/team/digits/score"
    assert "no connection from the operator comes" in namespace.condition("app", "Ready")["message"]
    assert namespace.replicas("app")[0] == 2, "as many as before, until the autoscaler decides"
    scaler = read(namespace, "hpa")
    assert scaler["spec"]["scaleTargetRef"]["name"] == "app" and scaler["spec"]["maxReplicas"] == 3

    namespace.kubectl("scale", "deployment/app", "--replicas=3")
    eventually(lambda: namespace.replicas("app") == (3, 3), "three pods", 120)
    namespace.apply(given.with_fields(led, scoring=given.inline(given.script("second"))))
    eventually(lambda: namespace.get("lmd", "app")["status"]["revisions"].get("durable") == 2, "the edit lasts", 200)
    assert namespace.replicas("app")[0] == 3, "an edit leaves them as many"
    durable(namespace)

    versions = [read(namespace, kind)["metadata"]["resourceVersion"] for kind in ("ingress", "hpa", "service")]
    namespace.kubectl("annotate", "lmd/app", "looked-at=again")  # another pass
    namespace.kubectl("annotate", "deployment/app", "looked-at=again")
    durable(namespace)
    assert versions == [read(namespace, kind)["metadata"]["resourceVersion"] for kind in ("ingress", "hpa", "service")]

    namespace.apply(
        given.with_fields(manifest, service={"expose": "None"}, scoring=given.inline(given.script("second")))
    )
    eventually(lambda: not is_there(namespace, "ingress") and not is_there(namespace, "hpa"), "they are deleted", 120)
    eventually(lambda: namespace.replicas("app")[0] == 1, "as many pods as spec.replicas says", 120)
    assert namespace.wait_ready("app", 200)["status"]["url"] == f"http://app.{namespace.name}.svc/score"
    assert not read(namespace, "service")["metadata"].get("annotations")
