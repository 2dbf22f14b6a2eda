"""The SDK with await, and the one without where a loop runs."""
# ruff: noqa: ASYNC240 - a small file is written while nothing else goes on

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from support.lmd_command import free_port, script
from support.sdk_given import given_home, write_source  # noqa: F401 - a fixture

from localmodel import AsyncClient, AsyncDeployment, Client, DeployError, ScoringError, UserError


@pytest.fixture(name="client")
async def given_client(home: Path) -> AsyncIterator[AsyncClient]:
    async with AsyncClient() as client:
        yield client
        for deployment in await client.list():
            await deployment.delete()


@pytest.fixture(name="digits")
async def given_digits(client: AsyncClient) -> AsyncDeployment:
    return await client.deploy("digits", write_source(Path("code")), port=free_port())


async def test_a_script_is_deployed_asked_edited_and_deleted(client: AsyncClient, digits: AsyncDeployment) -> None:
    assert await digits.state() == "running" and (await digits.status()).serving == 1
    assert (await digits.url()).endswith("/score") and (await digits.swagger_url()).endswith("/swagger.json")
    assert await digits.score({"a": 1}) == {"a": 1}
    assert await digits.score(np.eye(1)) == {"data": [[1.0]]}
    assert await digits.score(b"\x00\xff") == b"\xff\x00"
    await digits.update(variables={"COLOUR": "red"})
    assert (await digits.score("variable"))[0] == "red"
    Path("code/score.py").write_text(script("'edited'"))
    await (await client.get("digits")).reload()
    assert await digits.score(1) == "edited"
    await digits.wait(timeout=60)
    assert (await digits.manifest())["metadata"]["name"] == "digits"
    assert "hello from init" in await digits.logs()
    await digits.delete()
    assert await digits.state() == "deleted" and await client.list() == []
    await digits.delete(missing_ok=True)


async def test_errors_are_the_same(digits: AsyncDeployment) -> None:
    with pytest.raises(ScoringError, match="no such row") as caught:
        await digits.score("fail")
    assert 'helper.py", line 3, in fail' in caught.value.traceback
    Path("bad.py").write_text("def init(): 1 / 0\ndef run(raw_data): pass\n")
    with pytest.raises(DeployError, match=r"bad\.py:1: ZeroDivisionError"):
        await digits.update(script="bad.py")
    await digits.delete()
    with pytest.raises(UserError):
        await digits.score(1)


async def test_requests_are_under_way_together(client: AsyncClient, tmp_path: Path) -> None:
    Path("score.py").write_text(
        "import time\nfrom pathlib import Path\n"
        "def init(): pass\n"
        "def run(raw_data):\n"
        f"    folder = Path({str(tmp_path)!r})\n"
        "    (folder / raw_data).touch()\n"
        "    while not all((folder / str(number)).exists() for number in range(4)):\n"
        "        time.sleep(0.01)\n"
        "    return raw_data\n"
    )
    digits = await client.deploy("digits", "score.py", port=free_port(), server={"workers": 4})
    asked = asyncio.gather(*map(digits.score, range(4)))  # each is answered when all have come
    assert await asyncio.wait_for(asked, 50) == ["0", "1", "2", "3"]


async def test_the_loop_goes_on_during_a_deploy(client: AsyncClient) -> None:
    write_source(Path())
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await client.deploy("digits", "score.py", port=free_port())
    ticking.cancel()
    assert ticks > 10


async def test_a_cancelled_request_is_left_and_others_are_answered(client: AsyncClient) -> None:
    code = "import time\ndef init(): pass\ndef run(raw_data):\n    time.sleep(float(raw_data))\n    return raw_data\n"
    Path("score.py").write_text(code)
    digits = await client.deploy("digits", "score.py", port=free_port())
    await digits.score(0)
    asking = asyncio.create_task(digits.score(1))
    await asyncio.sleep(0.2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await digits.score(0) == "0"


async def test_a_cancelled_update_leaves_a_deployment_that_answers(digits: AsyncDeployment) -> None:
    updating = asyncio.create_task(digits.update(variables={"COLOUR": "red"}))
    await asyncio.sleep(0)
    updating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await updating
    assert await digits.score(1) == 1
    for _ in range(50):  # until the thread has noticed
        try:
            await digits.update(variables={"COLOUR": "blue"})
            break
        except UserError as error:
            assert error.reason == "Busy"
            await asyncio.sleep(0.1)
    assert (await digits.score("variable"))[0] == "blue"


async def test_a_followed_log_can_be_left_at_any_time(digits: AsyncDeployment) -> None:
    async for piece in digits.follow():
        assert "hello from init" in piece
        break
    following = digits.follow()
    assert await anext(following)
    waiting = asyncio.create_task(anext(following))  # type: ignore[arg-type]
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_followed_log_ends_with_the_deployment(digits: AsyncDeployment) -> None:
    pieces = []

    async def read() -> None:
        async for piece in digits.follow():
            pieces.append(piece)

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.3)
    await digits.delete()
    await asyncio.wait_for(reading, 60)
    assert "hello from init" in "".join(pieces)


async def test_the_client_without_await_works_where_a_loop_runs(client: AsyncClient) -> None:
    write_source(Path())
    with Client() as plain:
        digits = plain.deploy("digits", "score.py", port=free_port())
        digits.update(variables={"COLOUR": "red"})
        assert digits.score("variable")[0] == "red"
