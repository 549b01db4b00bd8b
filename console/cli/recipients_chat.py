"""`kentongan recipients chat`: on which chats people by duty are asked beside SMS."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.recipients_desk import As, Code, desk, registry_act


def add_to(group: typer.Typer) -> None:
    group.command()(chat)


def chat(
    who: Annotated[str, typer.Argument(metavar="ID", help="Of somebody by duty.")],
    by: As = "",
    code: Code = "",
    whatsapp: Annotated[
        str, typer.Option(metavar="NUMBER", help="Their WhatsApp number; - forgets it.")
    ] = "",
    telegram: Annotated[
        str, typer.Option(metavar="CHAT", help="Number of their chat with the bot; - forgets it.")
    ] = "",
    from_message: Annotated[
        int, typer.Option(min=0, help="Number in the inbox of what they wrote from that chat.")
    ] = 0,
) -> None:
    """Say which WhatsApp or Telegram chat is whose; without an option, say what is known.

    Tasks that nobody answered go there, and YA or TIDAK from there counts as by SMS.
    """
    from notify.registry import chat as chats
    from notify.registry import office

    given = [one for one in (whatsapp, telegram, from_message) if one]
    if len(given) > 1:
        raise typer.BadParameter("expected one of --whatsapp, --telegram and --from-message")
    with desk(reading=not given) as open_desk:
        person = office.whose(open_desk.engine, open_desk.keys, who)
        who = person.recipient_id
        if not given:
            with open_desk.engine.connect() as connection:
                known = chats.chats_of(connection, who)
            print(f"{who}: {', '.join(known) or 'no chat'}")
            return
        actor = open_desk.admitted(by, code, registry_act(), [person.adm4_code])
        channel = "whatsapp" if whatsapp else "telegram"
        if "-" in given:
            gone = chats.leave(open_desk.engine, who, channel, at=open_desk.at, actor=actor)
            print(f"{who}: {channel} forgotten" if gone else f"{who}: had no {channel}")
            return
        if from_message:
            with open_desk.engine.connect() as connection:
                channel, address = chats.address_of_message(
                    connection, open_desk.keys, from_message
                )
        else:
            address = chats.chat_address(channel, whatsapp or telegram)
        chats.join(
            open_desk.engine, open_desk.keys, who, channel, address, at=open_desk.at, actor=actor
        )
    print(f"{who}: {channel} registered")
