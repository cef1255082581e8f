"""Other settings for a function, as a deployment gives them.

AWS lets an invocation under way end when its function's settings change; the local AWS kills it, and what it had in hand comes back when its
visibility ends, six minutes later. So the queue is paused first, and the change waits until nothing of the function runs.
"""

from __future__ import annotations

from collections.abc import Mapping

from support.relay import Relay

# What a function answers at once: nothing to do for those behind a queue, not understood by the others.
NOTHING = b'{"Records": []}'


def variables_of(relay: Relay, function: str) -> dict[str, str]:
    """The environment variables of a function, by its full name."""
    found: dict[str, str] = relay.client("lambda").get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    return found


def set_variables(relay: Relay, function: str, variables: Mapping[str, str]) -> None:
    """Gives a function exactly these variables. Its next invocation is a cold start."""
    client = relay.client("lambda")
    mappings = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    enabled = [mapping["UUID"] for mapping in mappings if mapping["State"] == "Enabled"]

    def nothing_else_runs() -> bool:
        try:
            client.invoke(FunctionName=function, Payload=NOTHING)
        except client.exceptions.TooManyRequestsException:
            return False
        return True

    for uuid in enabled:
        client.update_event_source_mapping(UUID=uuid, Enabled=False)
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=1)
    try:
        relay.wait_until(f"{function} is at rest", nothing_else_runs, within=90)
        client.update_function_configuration(FunctionName=function, Environment={"Variables": dict(variables)})
    finally:
        client.delete_function_concurrency(FunctionName=function)
        for uuid in enabled:
            client.update_event_source_mapping(UUID=uuid, Enabled=True)
