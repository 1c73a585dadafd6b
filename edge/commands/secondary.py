"""`edge-gate secondary`: an attendant measured somebody whom the gate refused as warm."""

from __future__ import annotations

import click

from edge.commands.common import Command, Refusal, json_option, load_config, say, write_json


@click.command(cls=Command, example="edge-gate secondary --reader in --value 36.8")
@click.option("--reader", required=True, help="Where the person was refused.")
@click.option("--value", "value_c", type=float, required=True, help="What it shows, °C.")
@click.option(
    "--record",
    "seq",
    type=click.IntRange(min=1),
    help="The refusal's record (seq), where several wait.  [default: the newest]",
)
@json_option
@click.pass_context
def secondary(
    context: click.Context, /, *, reader: str, value_c: float, seq: int | None, as_json: bool
) -> int:
    """Enter what a clinical thermometer says of somebody who was refused as warm.

    The value is recorded with the refusal. Below screening.limit_c the person shows the same code
    again within screening.secondary_s and gets in. Speaks to the running daemon on this machine.
    """
    config = load_config(context)
    import secrets

    from edge.control import NobodyAnswersError, ask
    from edge.secondary import read_secondary
    from feed import messages
    from feed.record import Detail

    args: dict[str, Detail] = {"reader": reader, "value_c": value_c}
    if seq is not None:
        args["seq"] = seq
    command = messages.Command(id=secrets.token_hex(8), command="secondary", args=args)
    try:
        read_secondary(command)
        reply = ask(config.records.path, command)
    except (ValueError, NobodyAnswersError) as error:
        raise Refusal(str(error)) from error
    if as_json:
        write_json({"ok": reply.ok, "error": reply.error, **(reply.result or {})})
    elif not reply.ok:
        say(f"edge-gate secondary: {reply.error}", style="red", error=True)
    else:
        result = reply.result or {}
        normal = result.get("verdict") == "normal"
        then = "show the same code again" if normal else "still too warm"
        style = "green" if normal else "red"
        say(f"{value_c:.2f} °C recorded with record {result.get('ref')}: {then}", style=style)
    return 0 if reply.ok else 1
