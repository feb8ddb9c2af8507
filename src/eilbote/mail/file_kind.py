"""What an attached file is, for people; and whether it can run when it is opened.

Told by its name's last ending first, because that is what decides what a system does with it; by the type
that the mail gives only where the name tells nothing.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from eilbote.mail.media_type import UNKNOWN, media_type_for


class FileKind(StrEnum):
    """A word of its own for each in every language."""

    PICTURE = "picture"
    PDF = "pdf"
    TEXT = "text"
    DOCUMENT = "document"
    TABLE = "table"
    SLIDES = "slides"
    ARCHIVE = "archive"
    SOUND = "sound"
    FILM = "film"
    MAIL = "mail"
    CALENDAR = "calendar"
    CONTACT = "contact"
    PAGE = "page"
    DISK = "disk"
    PROGRAM = "program"
    FILE = "file"


class Danger(StrEnum):
    """Why a file is dangerous to open: it runs by itself, brings macros, opens in a browser where it can
    ask for passwords, or holds other files that no scanner has seen."""

    NONE = ""
    RUNS = "runs"
    MACROS = "macros"
    PAGE = "page"
    DISK = "disk"


class KnownFile(Struct, frozen=True):
    kind: FileKind
    danger: Danger = Danger.NONE
    twofold: bool = False
    """The name ends twice, as in `invoice.pdf.exe`: made to be taken for something else."""


_RUNS = frozenset(
    (
        "exe", "com", "scr", "pif", "bat", "cmd", "msi", "msp", "msix", "msixbundle", "appx", "appxbundle",
        "ps1", "ps1xml", "ps2", "psm1", "psc1", "vb", "vbe", "vbs", "js", "jse", "mjs", "ws", "wsf", "wsh",
        "wsc", "sct", "hta", "cpl", "msc", "jar", "class", "jnlp", "lnk", "url", "scf", "inf", "reg",
        "gadget", "application", "appref-ms", "dll", "ocx", "sys", "drv", "sh", "bash", "zsh", "csh",
        "fish", "command", "tool", "workflow", "app", "pkg", "dmg", "deb", "rpm", "apk", "ipa", "run",
        "elf", "py", "pyc", "pyw", "pyz", "rb", "pl", "php", "chm", "hlp", "ade", "adp", "mde",
        "mda", "mdb", "accde", "accda", "ksh", "xll", "wll", "desktop", "action", "settingcontent-ms",
        "library-ms", "search-ms", "diagcab", "theme", "themepack", "appcontent-ms", "xbap", "cab", "msu",
        "grp", "shb", "shs", "ppkg", "website"
    )
)  # fmt: skip
_MACROS = frozenset(
    (
        "docm", "dotm", "xlsm", "xltm", "xlsb", "xlam", "pptm", "potm", "ppsm", "ppam", "sldm", "odm",
        "slk", "iqy", "one", "onepkg"
    )
)  # fmt: skip
_PAGES = frozenset(
    (
        "html", "htm", "xhtml", "xht", "shtml", "mht", "mhtml", "svg", "svgz", "xsl", "xslt"
    )
)  # fmt: skip
_DISKS = frozenset(
    (
        "iso", "img", "vhd", "vhdx", "udf", "daa", "nrg", "vmdk", "toast"
    )
)  # fmt: skip
_ARCHIVES = frozenset(
    (
        "zip", "rar", "7z", "gz", "tgz", "tar", "bz2", "xz", "zst", "lz", "lzh", "arj", "ace", "z"
    )
)  # fmt: skip
_DOCUMENTS = frozenset(
    (
        "doc", "docx", "docm", "dot", "dotx", "dotm", "odt", "ott", "rtf", "pages", "one"
    )
)  # fmt: skip
_TABLES = frozenset(
    (
        "xls", "xlsx", "xlsm", "xlsb", "xlt", "xltx", "xltm", "ods", "ots", "csv", "tsv", "numbers", "slk"
    )
)  # fmt: skip
_SLIDES = frozenset(
    (
        "ppt", "pptx", "pptm", "pps", "ppsx", "ppsm", "pot", "potx", "potm", "odp", "key"
    )
)  # fmt: skip
_BY_ENDING = {
    FileKind.DOCUMENT: _DOCUMENTS,
    FileKind.TABLE: _TABLES,
    FileKind.SLIDES: _SLIDES,
    FileKind.ARCHIVE: _ARCHIVES,
    FileKind.PAGE: _PAGES,
    FileKind.DISK: _DISKS,
    FileKind.MAIL: frozenset(["eml", "msg"]),
    FileKind.CALENDAR: frozenset(("ics", "ifb")),
    FileKind.CONTACT: frozenset(("vcf",)),
    FileKind.PDF: frozenset(("pdf",)),
}
_BY_TYPE = {
    "image/": FileKind.PICTURE,
    "audio/": FileKind.SOUND,
    "video/": FileKind.FILM,
    "message/": FileKind.MAIL,
    "text/calendar": FileKind.CALENDAR,
    "text/vcard": FileKind.CONTACT,
    "text/html": FileKind.PAGE,
    "text/": FileKind.TEXT,
    "application/pdf": FileKind.PDF,
    "application/zip": FileKind.ARCHIVE,
}
_HARMLESS_LOOKING = frozenset(
    (
        "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "jpg", "jpeg", "png", "gif", "mp3",
        "mp4", "wav", "csv", "odt", "ods", "zip"
    )
)  # fmt: skip


def known_file(name: str, content_type: str) -> KnownFile:
    """What a file of this name and type is."""
    endings = [one.strip().lower() for one in name.rstrip(" .").split(".")[1:]]
    ending = endings[-1] if endings else ""
    danger = _danger(ending, content_type)
    twofold = danger is not Danger.NONE and len(endings) > 1 and endings[-2] in _HARMLESS_LOOKING
    if ending in _RUNS:
        return KnownFile(FileKind.PROGRAM, danger, twofold)
    for kind, known in _BY_ENDING.items():
        if ending in known:
            return KnownFile(kind, danger, twofold)
    told = media_type_for(name)
    told = content_type if told == UNKNOWN else told
    kind = next((kind for start, kind in _BY_TYPE.items() if told.startswith(start)), FileKind.FILE)
    return KnownFile(kind, danger, twofold)


def _danger(ending: str, content_type: str) -> Danger:
    if ending in _RUNS:
        return Danger.RUNS
    if ending in _MACROS:
        return Danger.MACROS
    if ending in _DISKS:
        return Danger.DISK
    if ending in _PAGES or (not ending and content_type in ("text/html", "image/svg+xml")):
        return Danger.PAGE
    return Danger.NONE
