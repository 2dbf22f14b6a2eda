"""History and rollback in a Python program, with and without await."""

import asyncio
from pathlib import Path

import pytest
from support.lmd_command import free_port, script
from support.sdk_given import given_client, given_home  # noqa: F401 - fixtures

from localmodel import AsyncClient, Client, UserError


def test_a_program_lists_revisions_and_goes_back(client: Client) -> None:
    source = Path("score.py")
    source.write_text(script("1"))
    digits = client.deploy("digits", source, port=free_port())
    source.write_text(script("2"))
    digits.reload()
    assert [(one.revision, one.serving) for one in digits.history()] == [(2, True), (1, False)]
    digits.rollback()
    assert digits.score(None) == 1 and digits.status.serving == digits.status.durable == 1
    with pytest.raises(UserError, match="revision 7 is not kept") as caught:
        digits.rollback(to=7)
    assert caught.value.reason == "RevisionNotFound"


def test_the_same_with_await(client: Client) -> None:
    source = Path("score.py")
    source.write_text(script("1"))
    client.deploy("digits", source, port=free_port())
    source.write_text(script("2"))

    async def back_and_forth() -> None:
        async with AsyncClient() as others:
            digits = await others.get("digits")
            await digits.reload()
            await digits.rollback()
            assert await digits.score(None) == 1
            await digits.rollback()
            assert [one.revision for one in await digits.history() if one.serving] == [2]

    asyncio.run(back_and_forth())
