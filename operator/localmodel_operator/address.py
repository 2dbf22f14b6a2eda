"""Asking at the address that users call, as they would: who answers there?"""

import httpx

_ASKED = 10  # connections for each pod that may answer


async def problem(base: str, number: int, replicas: int) -> str:
    """What is wrong with what answers at `base`, or an empty string: only this revision does.

    A node goes on sending some new connections to a pod that is being ended until its rules are rewritten. Whether
    it still does shows only by asking often, over a new connection each time.
    """
    try:
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(trust_env=False, timeout=5, limits=limits) as client:
            for _ in range(_ASKED * (replicas + 1)):
                answer = await client.get(f"{base}/readyz")
                revision = answer.headers.get("x-localmodel-revision")
                if revision is None:
                    return f"something else than this deployment answers at {base}; free the port or choose another"
                if answer.status_code != 200 or revision != str(number):
                    return f"{base} is still answered by revision {revision}"
    except httpx.HTTPError as error:
        return f"nothing answers at {base} ({type(error).__name__})"
    return ""
