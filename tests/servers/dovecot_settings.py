"""The one writer of configurations for Dovecot 2.3 and 2.4.

Pure text: options in, the configuration file out. The two versions name many things differently;
every difference is spelled here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CAPABILITIES = (
    "IMAP4rev1",
    "SASL-IR",
    "LOGIN-REFERRALS",
    "ID",
    "ENABLE",
    "IDLE",
    "SORT",
    "SORT=DISPLAY",
    "THREAD=REFERENCES",
    "THREAD=REFS",
    "THREAD=ORDEREDSUBJECT",
    "MULTIAPPEND",
    "URL-PARTIAL",
    "CATENATE",
    "UNSELECT",
    "CHILDREN",
    "NAMESPACE",
    "UIDPLUS",
    "LIST-EXTENDED",
    "I18NLEVEL=1",
    "CONDSTORE",
    "QRESYNC",
    "ESEARCH",
    "ESORT",
    "SEARCHRES",
    "WITHIN",
    "CONTEXT=SEARCH",
    "LIST-STATUS",
    "BINARY",
    "MOVE",
    "SNIPPET=FUZZY",
    "PREVIEW=FUZZY",
    "PREVIEW",
    "STATUS=SIZE",
    "SAVEDATE",
    "LITERAL+",
    "NOTIFY",
    "SPECIAL-USE",
)
"""What Dovecot 2.3 offers by itself; the base that `hidden` is taken from. 2.4 takes away by name."""

AUTH_SOCKET = Path("run/auth-client")
"""Where other servers of the test ask whether a login is right, in Dovecot's folder."""

SPECIAL_USE = {
    "Drafts": "\\Drafts",
    "Sent": "\\Sent",
    "Junk": "\\Junk",
    "Trash": "\\Trash",
    "Archive": "\\Archive",
}


@dataclass(frozen=True, slots=True)
class DovecotOptions:
    """How one instance behaves; equal options share one instance in a test session."""

    format: Literal["sdbox", "mdbox", "maildir"] = "sdbox"
    separator: str = "/"
    prefix: str = ""
    """`INBOX.` with separator `.` gives the layout of Courier and Cyrus."""
    hidden: frozenset[str] = frozenset()
    """Capabilities that are not announced (Dovecot would still obey them)."""
    mechanisms: str = "plain login scram-sha-1 scram-sha-256"
    tls: Literal["offered", "required", "absent"] = "offered"
    """`required`: LOGINDISABLED before STARTTLS."""
    connections: int = 100
    """mail_max_userip_connections."""
    special_use: bool = True
    """Drafts, Sent, Junk, Trash and Archive created and marked."""
    quota_mib: int = 0
    """Limit of each user's mail; 0 is none."""
    compress: bool = False
    """COMPRESS=DEFLATE offered and mails stored compressed."""
    pop3: bool = False
    """POP3 beside IMAP."""
    sieve: bool = False
    """ManageSieve beside IMAP. The active script filters nothing: nothing is delivered."""
    most_scripts: int = 0
    """How many a user may have; 0 is no limit."""
    largest_script: int = 0
    """In bytes; 0 is Pigeonhole's own limit."""
    names: tuple[str, ...] = ()
    """Host names for which its certificate is valid too."""
    tokens: str = ""
    """A file that says who is asked about access tokens (Dovecot 2.3's dovecot-oauth2.conf.ext); then no
    password works."""
    fsync: bool = False
    """Whether the server itself is safe at power failure; tests do not need it to be."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one instance lives: its folder, its ports, who it runs as."""

    folder: Path
    host: str
    imap_port: int
    imaps_port: int
    pop3_port: int
    pop3s_port: int
    mail_uid: int
    mail_gid: int
    internal_user: str
    internal_group: str
    login_user: str
    unprivileged: bool
    """Started by a normal user, so nothing may be chrooted or change user."""
    sieve_port: int = 0


def dovecot_configuration(version: tuple[int, int], options: DovecotOptions, place: Place) -> str:
    """The whole configuration file for a Dovecot of this version (major, minor)."""
    modern = version >= (2, 4)
    parts = [
        f"dovecot_config_version = {version[0]}.{version[1]}.0\n"
        f"dovecot_storage_version = {version[0]}.{version[1]}.0"
        if modern
        else "",
        _server(modern, options, place),
        _services(modern, options, place),
        _tls(modern, options, place),
        _users(modern, options, place),
        _storage(modern, options),
        _quota_and_compression(modern, options),
        _namespace(modern, options),
        _imap(modern, options),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _server(modern: bool, options: DovecotOptions, place: Place) -> str:
    cleartext = "auth_allow_cleartext" if modern else "disable_plaintext_auth"
    allowed = (options.tls != "required") == modern
    return f"""\
protocols = imap{" pop3" if options.pop3 else ""}{" sieve" if options.sieve else ""}
listen = {place.host}
base_dir = {place.folder}/run
state_dir = {place.folder}/state
log_path = {place.folder}/dovecot.log
default_internal_user = {place.internal_user}
default_internal_group = {place.internal_group}
default_login_user = {place.login_user}
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {place.mail_uid}
mail_gid = {place.mail_gid}
mail_fsync = {"optimized" if options.fsync else "never"}
auth_failure_delay = 0 secs
{cleartext} = {"yes" if allowed else "no"}
auth_mechanisms = {options.mechanisms}"""


def _services(modern: bool, options: DovecotOptions, place: Place) -> str:
    secure = (
        "" if options.tls == "absent" else f"\n  inet_listener imaps {{\n    port = {place.imaps_port}\n  }}"
    )
    tls_off = "\n  inet_listener imaps {\n    port = 0\n  }" if options.tls == "absent" else ""
    free = "\n  chroot =" if place.unprivileged else ""
    others = "".join(f"service {name} {{\n  chroot =\n}}\n" for name in ("anvil", "stats"))
    return f"""\
service imap-login {{
  inet_listener imap {{
    port = {place.imap_port}
  }}{secure}{tls_off}
  {"restart_request_count = unlimited" if modern else "service_count = 0"}
  process_min_avail = 1
  client_limit = {max(500, 5 * options.connections)}{free}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap {{
  process_limit = {max(500, options.connections)}
}}
service auth {{
  unix_listener {AUTH_SOCKET.name} {{
    mode = 0666
  }}
}}
{_pop3(modern, options, place)}{_sieve(modern, options, place)}{others if place.unprivileged else ""}"""


def _pop3(modern: bool, options: DovecotOptions, place: Place) -> str:
    if not options.pop3:
        return ""
    absent = options.tls == "absent"
    free = "\n  chroot =" if place.unprivileged else ""
    return f"""\
service pop3-login {{
  inet_listener pop3 {{
    port = {place.pop3_port}
  }}
  inet_listener pop3s {{
    port = {0 if absent else place.pop3s_port}
  }}
  {"restart_request_count = unlimited" if modern else "service_count = 0"}
  process_min_avail = 1
  client_limit = 500{free}
}}
service pop3 {{
  process_limit = 500
}}
protocol pop3 {{
  mail_max_userip_connections = {options.connections}
}}
"""


def _sieve(modern: bool, options: DovecotOptions, place: Place) -> str:
    if not options.sieve:
        return ""
    free = "\n  chroot =" if place.unprivileged else ""
    count = "sieve_quota_script_count" if modern else "sieve_quota_max_scripts"
    limits = f"  {count} = {options.most_scripts}\n" if options.most_scripts else ""
    limits += f"  sieve_max_script_size = {options.largest_script}\n" if options.largest_script else ""
    if modern:
        where = "  sieve_script personal {\n    path = ~/sieve\n    active_path = ~/active.sieve\n  }\n"
        scripts = where + limits
    else:
        scripts = f"}}\nplugin {{\n  sieve = file:~/sieve;active=~/active.sieve\n{limits}"
    return f"""\
service managesieve-login {{
  inet_listener sieve {{
    port = {place.sieve_port}
  }}
  {"restart_request_count = unlimited" if modern else "service_count = 0"}
  process_min_avail = 1
  client_limit = 500{free}
}}
service managesieve {{
  process_limit = 500
}}
protocol sieve {{
  mail_max_userip_connections = {options.connections}
{scripts}}}
"""


def _tls(modern: bool, options: DovecotOptions, place: Place) -> str:
    if options.tls == "absent":
        return "ssl = no"
    certificate, key = place.folder / "server.pem", place.folder / "server.key"
    mode = "required" if options.tls == "required" else "yes"
    if modern:
        return f"ssl = {mode}\nssl_server_cert_file = {certificate}\nssl_server_key_file = {key}"
    return f"ssl = {mode}\nssl_cert = <{certificate}\nssl_key = <{key}"


def _users(modern: bool, options: DovecotOptions, place: Place) -> str:
    # A file for each user: Dovecot looks for changes of one file only once a second.
    passwords, homes = f"{place.folder}/passwd", f"{place.folder}/mail"
    if modern:
        return f"""\
passdb passwd-file {{
  passwd_file_path = {passwords}/%{{user}}
}}
userdb static {{
  fields {{
    uid = {place.mail_uid}
    gid = {place.mail_gid}
    home = {homes}/%{{user}}
  }}
}}"""
    if options.tokens:
        passdb = f"driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {options.tokens}"
    else:
        passdb = f"driver = passwd-file\n  args = {passwords}/%u"
    return f"""\
passdb {{
  {passdb}
}}
userdb {{
  driver = static
  args = uid={place.mail_uid} gid={place.mail_gid} home={homes}/%u
}}"""


def _storage(modern: bool, options: DovecotOptions) -> str:
    if modern:
        return f"mail_driver = {options.format}\nmail_path = ~/{options.format}"
    return f"mail_location = {options.format}:~/{options.format}"


def _quota_and_compression(modern: bool, options: DovecotOptions) -> str:
    general: list[str] = []
    of_imap: list[str] = []
    plugin: list[str] = []
    lines: list[str] = []
    if options.quota_mib:
        general.append("quota")
        of_imap.append("imap_quota")
        if modern:
            lines.append(f'quota "User quota" {{\n  storage_size = {options.quota_mib}M\n}}')
        else:
            plugin.append("quota = count:User quota")
            plugin.append("quota_vsizes = yes")
            plugin.append(f"quota_rule = *:storage={options.quota_mib}M")
    if options.compress:
        general.append("mail_compress" if modern else "zlib")
        if modern:  # COMPRESS=DEFLATE itself is part of its imap
            lines.append("mail_compress_write_method = zstd")
        else:
            of_imap.append("imap_zlib")
            plugin.append("zlib_save = zstd")
    if not general:
        return ""
    if modern:
        lines.append("mail_plugins {\n" + "".join(f"  {name} = yes\n" for name in general) + "}")
        inner = "".join(f"    {name} = yes\n" for name in of_imap)
        lines.append("protocol imap {\n  mail_plugins {\n" + inner + "  }\n}" if of_imap else "")
    else:
        lines.append(f"mail_plugins = {' '.join(general)}")
        lines.append(f"protocol imap {{\n  mail_plugins = $mail_plugins {' '.join(of_imap)}\n}}")
        lines.append("plugin {\n" + "".join(f"  {line}\n" for line in plugin) + "}")
    return "\n".join(lines)


def _namespace(modern: bool, options: DovecotOptions) -> str:
    boxes = "".join(
        f"  mailbox {name} {{\n    auto = subscribe\n    special_use = {role}\n  }}\n"
        for name, role in SPECIAL_USE.items()
        if options.special_use
    )
    empty = "\n" if modern else "\n  location =\n"
    return f"""\
namespace inbox {{
  inbox = yes
  separator = {options.separator}
  prefix = {options.prefix}{empty}{boxes}}}"""


def _imap(modern: bool, options: DovecotOptions) -> str:
    return f"""\
protocol imap {{
  mail_max_userip_connections = {options.connections}
{_announcement(modern, options) if options.hidden else ""}}}"""


def _announcement(modern: bool, options: DovecotOptions) -> str:
    if modern:
        absent = "".join(f'    "{name}" = no\n' for name in sorted(options.hidden))
        return f"  imap_capability {{\n{absent}  }}\n"
    offered = [*CAPABILITIES]
    if options.quota_mib:
        offered.append("QUOTA")
    if options.compress:
        offered.append("COMPRESS=DEFLATE")
    return f"  imap_capability = {' '.join(name for name in offered if name not in options.hidden)}\n"
