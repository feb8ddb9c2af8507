"""Whole scripts as people write them, by name; what each action does with the implicit keep, with flags and
with other actions."""

from __future__ import annotations

INCLUDED = {
    "matches": 'require ["fileinto", "variables"];\nfileinto "in/${1}";\nif header :matches "to" "*@*" {}\n',
    "lists": 'require ["fileinto", "include"];\nif exists "list-id" { fileinto "Lists"; stop; }\n',
    "back": 'require ["fileinto", "include"];\nfileinto "Before";\nreturn;\nfileinto "After";\n',
    "shared": (
        'require ["include", "variables"];\nglobal ["where", "count"];\n'
        'set "where" "Shared/${count}";\nset "own" "lost";\n'
    ),
}

SCRIPTS: dict[str, str] = {
    "nothing": "",
    "keep": "keep;",
    "stop": "stop; discard;",
    "discard": "discard;",
    "discard and keep": "discard; keep;",
    "keep twice": "keep; keep;",
    "store": 'require "fileinto"; fileinto "Rechnungen";',
    "store twice": 'require "fileinto"; fileinto "A"; fileinto "A"; fileinto "B";',
    "store in the inbox": 'require "fileinto"; fileinto "INBOX"; keep;',
    "store a copy": 'require ["fileinto", "copy"]; fileinto :copy "Copy";',
    "branches": """
require ["fileinto", "envelope"];
if header :contains "subject" "Rechnung" { fileinto "Rechnungen"; }
elsif address :domain "from" "mail.shop.example" { fileinto "Shop"; }
elsif anyof (exists "list-id", header :is "precedence" "list") { fileinto "Lists"; stop; }
else { keep; }
if size :over 300 { fileinto "Large"; }
""",
    "behind a choice": """
require "fileinto";
if exists "subject" {} else { stop; }
if exists "x-none" {} elsif exists "cc" { stop; } else {}
fileinto "A";
if exists "x-none" { keep; } elsif exists "from" {} else { stop; }
fileinto "B";
if exists "x-label" {} else { discard; stop; }
fileinto "C";
""",
    "discarded twice": "discard; discard;",
    "the last flags count": """
require ["fileinto", "imap4flags"];
keep :flags "a"; keep :flags ["b", "c"]; fileinto :flags "x" "A"; fileinto :flags "" "A";
""",
    "nested": """
require "fileinto";
if true {
    if exists "cc" { fileinto "Cc"; }
    else { if exists "x-label" { if not exists "date" { discard; } else { fileinto "Label"; } } }
    if header :contains "subject" "4711" { stop; }
}
fileinto "End";
""",
    "redirect": 'redirect "li@example.com";',
    "redirect to a name": 'redirect "Li <li@example.com>";',
    "redirect a copy": 'require "copy"; redirect :copy "li@example.com"; redirect "kim@example.net";',
    "redirect twice": 'redirect "li@example.com"; redirect "li@example.com"; keep;',
    "redirect found addresses": """
require ["variables", "copy"];
if address :matches :localpart "from" "*" { redirect :copy "${1}@example.com"; }
""",
    "reject": 'require "reject"; reject "Nein, danke.\\n";',
    "reject in lines": 'require "reject"; reject text:\nNein,\n..danke.\n.\n;',
    "vacation": 'require "vacation"; vacation "Ich bin weg.";',
    "vacation with all": """
require ["vacation", "vacation-seconds"];
vacation :seconds 1800 :subject "Weg" :from "kim@example.org" :addresses ["kim+post@example.org"]
    :handle "urlaub" "Bin gleich wieder da.";
""",
    "vacation in days": 'require "vacation"; vacation :days 3 :mime "Content-Type: text/plain";',
    "vacation twice": 'require "vacation"; vacation "a"; vacation "b";',
    "notify": 'require "enotify"; notify :importance "1" :message "Neu" "mailto:li@example.com";',
    "notify and store": """
require ["enotify", "fileinto", "variables"];
if header :matches "subject" "*" { set "s" "${1}"; }
notify :message "Neu: ${s}" "mailto:li@example.com?subject=x";
fileinto "Told";
""",
    "flags": 'require "imap4flags"; addflag "\\\\Seen"; addflag ["blau", "\\\\Flagged"]; keep;',
    "flags of the implicit keep": 'require "imap4flags"; setflag ["\\\\Flagged", "rot"];',
    "flags of a store": """
require ["imap4flags", "fileinto"];
addflag "eins zwei drei"; removeflag ["zwei"]; fileinto "A";
setflag "vier"; fileinto :flags ["fünf", "\\\\Deleted"] "B"; fileinto "C";
setflag ""; fileinto "D";
""",
    "flags in a variable": """
require ["imap4flags", "fileinto", "variables"];
setflag "mine" ["\\\\Seen", "a"]; addflag "mine" "B a"; removeflag "mine" "A";
fileinto :flags "${mine}" "Mine";
if hasflag "mine" "b" { fileinto :flags "" "Has"; }
if hasflag :contains "mine" "SEE" { fileinto "Contains"; }
if hasflag "a" { discard; }
""",
    "flags are counted": """
require ["imap4flags", "fileinto", "relational", "comparator-i;ascii-numeric"];
addflag ["a", "b", "A", "\\\\Seen"];
if hasflag :count "eq" :comparator "i;ascii-numeric" "3" { fileinto "Three"; }
if hasflag :matches "\\\\\\\\S*" { fileinto "Matches"; }
""",
    "variables": """
require ["variables", "fileinto"];
set "name" "Anna";
set :lower "a" "${NAME} ÄÖ";
set :upper "b" "${name}ö";
set :lowerfirst :upper "c" "rechnung";
set :upperfirst :lower "d" "RECHNUNG";
set :length "e" "${name}";
set :quotewildcard "f" "a*b?c\\\\";
fileinto "${a}"; fileinto "${b}"; fileinto "${c}"; fileinto "${d}"; fileinto "${e}"; fileinto "f ${f}";
set "name" ""; fileinto "x${name}x";
""",
    "variables of matches": """
require ["variables", "fileinto"];
if header :matches ["subject", "from"] "* *" { fileinto "1/${1}"; }
if header :matches "to" "*@*" { fileinto "2/${2}"; }
if header :matches "subject" "*:*" { fileinto "3/${1}"; } else { fileinto "4/${1}"; }
""",
    "lists by name": """
require ["variables", "fileinto", "mailbox"];
if header :matches "list-id" "*<*.lists.example.net>*" {
    set :lower "list" "${2}"; fileinto :create "l/${list}";
}
elsif header :matches "subject" "[*] *" { fileinto "s/${1}"; }
""",
    "dates": """
require ["date", "relational", "fileinto"];
if allof (date :value "ge" :originalzone "date" "date" "2026-02-01",
          date :value "lt" :originalzone "date" "date" "2026-04-01") { fileinto "Quarter"; }
if currentdate :value "ge" "year" "2020" { fileinto "Now"; }
""",
    "bodies": """
require ["body", "fileinto"];
if body :text :contains ["zahlen", "Laden"] { fileinto "Money"; }
if body :raw :contains "JVBERi" { fileinto "Pdf"; }
""",
    "parts": """
require ["mime", "foreverypart", "fileinto", "extracttext", "variables"];
foreverypart {
    if header :mime :type "content-type" "image" { fileinto "Image"; break; }
    if allof (header :mime :subtype "content-type" "pdf",
              header :mime :contains "content-disposition" "attach") {
        fileinto "Pdf";
    }
}
foreverypart :name "outer" {
    if header :mime :type "content-type" "multipart" {
        foreverypart {
            if header :mime :subtype "content-type" "html" { fileinto "Html"; break :name "outer"; }
        }
    }
    fileinto "Walked";
}
""",
    "text of parts": """
require ["mime", "foreverypart", "fileinto", "extracttext", "variables"];
foreverypart {
    if header :mime :type "content-type" "text" {
        extracttext :first 2 "t";
        fileinto "t/${t}";
    }
}
""",
    "include": 'require ["include", "fileinto"]; include :personal "lists"; fileinto "Rest";',
    "include and return": 'require ["include", "fileinto"]; include "back"; fileinto "Last"; return; keep;',
    "include once": """
require ["include", "fileinto", "copy"];
include :once "back"; include :once "back"; include :optional "missing"; fileinto "Last";
""",
    "matches in included scripts": """
require ["include", "fileinto", "variables"];
if header :matches "subject" "*" { set "x" "y"; include "matches"; fileinto "out/${1}"; }
""",
    "shared variables": """
require ["include", "fileinto", "variables"];
global "where"; global "count"; set "count" "7"; set "own" "mine";
include "shared";
fileinto "${where}"; fileinto "${own}"; fileinto "${global.count}";
""",
    "headers added": """
require ["editheader", "fileinto"];
addheader "X-Sorted" "yes"; addheader :last "X-Last" "end";
if header "x-sorted" "yes" { fileinto "Sorted"; }
if header :contains "x-last" "end" { fileinto "Last"; }
""",
    "headers deleted": """
require ["editheader", "fileinto", "index"];
deleteheader "Subject"; deleteheader :index 2 "X-Twice";
deleteheader :contains "X-Label" ["label1", "label5"];
deleteheader :index 1 :last "To"; deleteheader "Received";
if exists "subject" { fileinto "Subject"; }
if header "x-twice" "two" { fileinto "Two"; }
if header "x-label" "label10" { fileinto "Ten"; }
if header "x-label" "label2" { fileinto "Label"; }
if exists "to" { fileinto "To"; }
""",
    "what is there": """
require ["ihave", "fileinto"];
if ihave "copy" { fileinto :copy "Copy"; }
if ihave "vnd.nobody.knows" { unknown_command "a"; } else { fileinto "Unknown"; }
if not ihave "date" { error "no dates"; }
""",
    "error": 'require "ihave"; error "Das geht nicht.";',
    "mailboxes": """
require ["fileinto", "mailbox", "special-use"];
if mailboxexists "There" { fileinto "There"; } else { fileinto "Elsewhere"; }
fileinto :specialuse "\\\\Junk" :create "Spam";
""",
    "spam": """
require ["spamtest", "fileinto", "relational", "comparator-i;ascii-numeric", "virustest"];
if virustest :value "eq" :comparator "i;ascii-numeric" "5" { discard; stop; }
if spamtest :value "ge" :comparator "i;ascii-numeric" "5" { fileinto "Spam"; }
elsif spamtest :value "eq" :comparator "i;ascii-numeric" "0" { fileinto "Untested"; }
""",
    "reject and store": 'require ["reject", "fileinto"]; fileinto "A"; reject "nein";',
    "store and reject": 'require ["reject", "fileinto"]; reject "nein"; fileinto "A";',
    "reject and keep": 'require "reject"; reject "nein"; keep;',
    "vacation and reject": 'require ["reject", "vacation"]; vacation "weg"; reject "nein";',
    "discard and store": 'require "fileinto"; discard; fileinto "A";',
    "many redirects": "".join(f'redirect "p{number}@example.com";\n' for number in range(4)),
}
