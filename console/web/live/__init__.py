"""What changes, told to open pages as server-sent events.

`GET /centre/stream` sends events of the kinds `warnings`, `approvals`, `tasks`, `reports`,
`dispatch`, `feeds`, `sop`, `audit`, `rain` whose data is `{"at": "…Z", "seq": 12}`: that something
of that kind changed, never what. Besides: `reset` (everything may have changed), `database`
(`{"ok": false}` while the tables cannot be read), `alive` each 15 s, `signed-out` before the end.

A page marks a part of itself

    <section data-live="tasks reports" data-from="/centre/tasks/table">…</section>

and `static/live.js` fetches what is in that part again, as HTML, when one of the kinds changed; not
while somebody writes in it. For scripts the same arrives as DOM events `kentongan:tasks` on
`document`. `<output data-connection>` shows whether the page is connected, and since when it is
not; its `data-state` is `ok`, `lost`, `database` or `signed-out`, and `kentongan:connection` tells
scripts.

`hub.py` knows who listens, `watcher.py` looks at the tables while somebody does, `watermarks.py`
says by what, `stream.py` is the route.
"""

from __future__ import annotations
