"""WhatsApp (Cloud API) and Telegram (Bot API) for people of Tagana: tasks out, their words in.

Never for residents: a chat address stands in the registry for people by duty alone
(`notify.registry.chat`).
"""
