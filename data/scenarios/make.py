"""Write the bundled scenarios: `python data/scenarios/make.py [FOLDER]`.

Everything is made from the public facts in `generator/` and the embedded layer set; the
same layer set gives the same files. Needs the project installed, and nothing from outside.
"""

from __future__ import annotations

import sys
from pathlib import Path

from generator import blind_night, cianjur, flores, thunderstorm
from generator.places import load_places
from generator.story import write

STORIES = (cianjur.story, flores.story, thunderstorm.story, blind_night.story)


def main(root: Path) -> None:
    places = load_places()
    for story in STORIES:
        folder = write(story(places), root)
        size = sum(f.stat().st_size for f in folder.iterdir())
        sys.stdout.write(f"{folder.name}: {len(list(folder.iterdir()))} files, {size} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
