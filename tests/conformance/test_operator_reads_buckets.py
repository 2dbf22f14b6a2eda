"""What an operator reads from buckets with a Secret's credentials: real servers speak Google's and Azure's protocol."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import azurite, interpreter
from support import cloud_front
from support.cloud_front import Front
from support.lmd_command import free_port
from support.operator.simulation import Simulation

from localmodel_operator.cluster import SECRET

CONTENT = os.urandom(3_000_000)
URIS = {"gs": "gs://bucket/models/churn.bin", "az": "az://box/models/churn.bin"}
# Of the account that Azurite has by itself, as its documentation tells everybody.
AZURE_NAME = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_PUT = """
import sys
from azure.storage.blob import BlobServiceClient
name, key, url = sys.argv[1:]
box = BlobServiceClient(url, credential={"account_name": name, "account_key": key}).create_container("box")
box.upload_blob("models/churn.bin", sys.stdin.buffer.read())
"""


def _started(command: list[object], port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(600):
        try:
            opener.open(f"http://127.0.0.1:{port}/", timeout=10).close()
            break
        except urllib.error.HTTPError:
            break  # it answers
        except OSError:
            assert process.poll() is None
            time.sleep(0.1)
    return process


@pytest.fixture(scope="module", name="front")
def given_front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("clouds")
    python, google, azure = interpreter("addresses"), free_port(), free_port()
    of_google = [python.parent / "gcp-storage-emulator", "start", "--in-memory", "--quiet", "--default-bucket=bucket"]
    of_azure = [*azurite(), "--silent", "--skipApiVersionCheck", "--inMemoryPersistence", "--blobPort", azure]
    processes = [_started([*of_google, "--host=127.0.0.1", f"--port={google}"], google), _started(of_azure, azure)]
    try:
        upload = f"http://127.0.0.1:{google}/upload/storage/v1/b/bucket/o?uploadType=media&name=models/churn.bin"
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            urllib.request.Request(upload, CONTENT, {"Content-Type": "application/octet-stream"}), timeout=60
        ).close()
        put = [python, "-c", _PUT, AZURE_NAME, AZURE_KEY, f"http://127.0.0.1:{azure}/{AZURE_NAME}"]
        subprocess.run(put, input=CONTENT, check=True, timeout=120)
        with cloud_front.serving(folder, google, azure) as front:
            yield front
    finally:
        for process in processes:
            process.terminate()
            process.wait()


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, front: Front) -> Simulation:
    site_packages = next(interpreter("addresses").parents[1].glob("lib/python*/site-packages"))
    monkeypatch.setenv("PYTHONPATH", str(site_packages))
    monkeypatch.setenv("HTTPS_PROXY", front.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for trusted in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(trusted, str(front.certificate))
    front.asked.clear()
    return Simulation(tmp_path / "store", monkeypatch)


def credentials(front: Front) -> dict[str, dict[str, str]]:
    return {
        "gs": {"GOOGLE_APPLICATION_CREDENTIALS": front.account},
        "az": {"AZURE_STORAGE_ACCOUNT_NAME": AZURE_NAME, "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY},
    }


async def serve(sim: Simulation, uri: str, given: dict[str, str]) -> None:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in given.items()}
    sim.apply({"apiVersion": "v1", "kind": SECRET.name, "metadata": {"name": "reader"}, "data": data})
    sim.serve("A", models=[{"name": "churn", "uri": uri, "credentials": {"secret": "reader"}}])
    await sim.settle()


def everything(sim: Simulation) -> bytes:
    """All that the operator has left: objects with their history, the store, and the images' layers."""
    left = [found for found in sim.api.objects.values() if found["kind"] != SECRET.name]
    files = [path.read_bytes() for path in sim.store.root.rglob("*") if path.is_file()]
    return b"".join([json.dumps([left, sim.api.history]).encode(), *files])


def secrets_of(given: dict[str, str], front: Front) -> list[bytes]:
    """What must be nowhere: the values, and of a JSON key the part that signs."""
    signing = json.loads(front.account)["private_key"].splitlines()[1]
    return [text.encode() for text in (*given.values(), signing, *front.tokens) if text != AZURE_NAME]


@pytest.mark.parametrize("kind", URIS)
async def test_a_model_comes_with_the_credentials_of_a_secret_which_stay_nowhere(
    sim: Simulation, front: Front, kind: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    given = credentials(front)[kind]
    await serve(sim, URIS[kind], given)
    assert sim.condition("Ready")["status"] == "True", sim.condition("ModelResolved")
    (version,) = sim.store.models.list()
    assert CONTENT in everything(sim) and version.version == 1
    left = everything(sim) + "".join([*capfd.readouterr(), caplog.text]).encode()
    assert not [secret for secret in secrets_of(given, front) if secret in left]


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("gs", {"GOOGLE_APPLICATION_CREDENTIALS": ""}),
        ("gs", {"GOOGLE_APPLICATION_CREDENTIALS": '{"type": "authorized_user", "refresh_token": "hidden"}'}),
        ("gs", {"GOOGLE_APPLICATION_CREDENTIALS": "another"}),
        ("az", {"AZURE_STORAGE_ACCOUNT_KEY": base64.b64encode(b"wrong" * 12).decode()}),
        ("az", {"AZURE_STORAGE_ACCOUNT_KEY": "not a key"}),
        ("az", {"AZURE_STORAGE_ACCOUNT_KEY": ""}),
        ("az", {"AZURE_STORAGE_ACCOUNT_NAME": ""}),
    ],
)
async def test_wrong_and_missing_ones_end_in_a_sentence(
    sim: Simulation, front: Front, kind: str, changed: dict[str, str], tmp_path: Path
) -> None:
    if changed.get("GOOGLE_APPLICATION_CREDENTIALS") == "another":
        with cloud_front.serving(tmp_path, 0, 0) as other:
            changed = {"GOOGLE_APPLICATION_CREDENTIALS": other.account}
    given = {key: value for key, value in {**credentials(front)[kind], **changed}.items() if value}
    given = given or {"token": "of no reader"}
    await serve(sim, URIS[kind], given)
    ready = sim.condition("Ready")
    assert ready["reason"] in ("AddressRefused", "CredentialsMissing"), ready
    assert ready["message"].startswith("spec.models[0]: ") and "\n" not in ready["message"]
    left = everything(sim)
    assert not [secret for secret in secrets_of(given, front) if secret in left] and sim.store.models.list() == []
