"""Pictures of every page in every state, in both languages, themes and sizes, with the demo's mail.

Run by `make screenshots`: all of them go to .cache/screenshots, those that the documentation shows also to
docs/screenshots. Clock and mail are the same in every run; fonts are those of the machine.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Error

from tests.web.browser import shown
from tests.web.chromium import chromium
from tests.web.furnished import Furnished, furnished
from tests.web.pages import SHOWN, Shown
from tests.web.visiting import DESKTOP, PHONE, People, lead

_ALL = Path(".cache/screenshots")
_CHOSEN = Path("docs/screenshots")
_SIZES = {"desktop": DESKTOP, "phone": PHONE}
_LOCALES = {"de": "de-DE", "en": "en-GB"}
_DOCUMENTED = {
    *((f"search-mail-{language}-light-desktop") for language in _LOCALES),
    *((f"inbox-{language}-dark-phone") for language in _LOCALES),
}


async def main(names: list[str]) -> int:
    """Pictures of the pages whose name begins with one of these, or of all; 1 where one failed."""
    chosen = [one for one in SHOWN if not names or one.name.startswith(tuple(names))]
    failed = 0
    for size in _SIZES:
        for language in _LOCALES:
            # A home of its own for each: what one run changes, the next must not show.
            with tempfile.TemporaryDirectory() as folder:
                async with furnished(Path(folder)) as home, shown(home.app) as own, chromium() as browser:
                    failed += await _taken(browser, own, home, chosen, language, size)
    print(f"Pictures are in {_ALL}; {failed} could not be taken.")
    return 1 if failed else 0


async def _taken(
    browser: Browser, own: str, home: Furnished, chosen: list[Shown], language: str, size: str
) -> int:
    failed = 0
    people = People(browser, own, _LOCALES[language], _SIZES[size])
    for one in chosen:
        page = await people.page_of(one.who)
        try:
            await lead(page, own, home, one)
            await page.evaluate("document.fonts.ready")
            for theme in ("light", "dark"):
                await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
                name = f"{one.name}-{language}-{theme}-{size}"
                await page.screenshot(path=_ALL / f"{name}.png", animations="disabled", caret="hide")
                if name in _DOCUMENTED:
                    shutil.copy(_ALL / f"{name}.png", _CHOSEN)
        except Error as error:
            failed += 1
            print(f"{one.name}, {language}, {size}: {error}", file=sys.stderr)
        await page.close()
    return failed


if __name__ == "__main__":
    for each in (_ALL, _CHOSEN):
        each.mkdir(parents=True, exist_ok=True)
    raise SystemExit(asyncio.run(main(sys.argv[1:])))
