"""The people and firms of the sample mailbox: all invented, all on example domains (RFC 2606)."""

from __future__ import annotations

from msgspec import Struct


class Person(Struct, frozen=True):
    """Who writes: name as shown, address, and whether in German."""

    name: str
    address: str
    german: bool = True


OWNER = Person("Johanna Lindner", "johanna.lindner@example.de")

PEOPLE: dict[str, Person] = {
    "me": OWNER,
    "ute": Person("Ute Färber", "ute.faerber@example.de"),
    "peter": Person("Peter Lindner", "peter@example.org"),
    "lena": Person("Lena", "lena.l@example.net"),
    "kita": Person("Kita Sonnenhügel", "buero@kita.example.org"),
    "tischlerei": Person("Matthias Kröger", "werkstatt@tischlerei.example.de"),
    "elektro": Person("Elektro Brandt", "brandt@elektro.example.de"),
    "fliesen": Person("Svenja Dröge", "droege@fliesen.example.com"),
    "claire": Person("Claire Beaumont", "claire.beaumont@example.com", german=False),
    "meridian": Person("Daniel Whitmore", "d.whitmore@meridian.example.com", german=False),
    "tom": Person("Tom Oyelaran", "tom@example.com", german=False),
    "aisha": Person("Aisha Rahman", "aisha.rahman@example.com", german=False),
    "jens": Person("Jens Petersen", "jens.petersen@example.com"),
    "nora": Person("Nora Castellanos", "nora@slowpaper.example.org", german=False),
    "hausverwaltung": Person("Hausverwaltung Süderstraße", "service@suederstrasse.example.de"),
    "wolfgang": Person("Wolfgang Hübner", "w.huebner@example.de"),
    "greta": Person("Greta Ahlers", "greta@imkerei.example.org"),
    "ruediger": Person("Rüdiger Voß", "ruediger.voss@example.net"),
    "harriet": Person("Harriet Lowe", "harriet@chorus.example.org", german=False),
    "colin": Person("Colin Marsh", "colin.marsh@example.net", german=False),
    "mei": Person("Mei Tanaka", "mei@chorus.example.org", german=False),
    "marta": Person("Marta Nowak", "marta.nowak@example.net"),
    "steuer": Person("Steuerbüro Jacobi", "kanzlei@jacobi.example.de"),
    "stadtwerke": Person("Stadtwerke Musterhafen", "rechnung@stadtwerke.example.de"),
    "mobil": Person("Nordfunk", "kundenservice@nordfunk.example.com"),
    "hosting": Person("Northern Harbour Hosting", "billing@harbour.example.net", german=False),
    "buchladen": Person("Buchladen am Fleet", "bestellung@buchladen.example.de"),
    "paket": Person("Ihr Paketdienst", "noreply@paket.example.net"),
    "wool": Person("Machair Wool", "orders@machair.example.com", german=False),
    "markt": Person("Wochenmarkt am Rathaus", "post@wochenmarkt.example.de"),
    "slowreader": Person("The Slow Reader", "letters@slowreader.example.org", german=False),
    "keramik": Person("Töpferei Sörensen", "werkstatt@toepferei.example.de"),
    "zahnarzt": Person("Praxis Dr. Öztürk", "praxis@zahnarzt.example.de"),
    "bank": Person("Musterbank", "postfach@musterbank.example.de"),
    "photos": Person("Shared Albums", "no-reply@albums.example.com", german=False),
    "mailer": Person("Mail Delivery System", "MAILER-DAEMON@mail.example.de", german=False),
    "forum": Person("Gartenforum", "sicherheit@gartenforum.example.net"),
    "buecherei": Person("Stadtbücherei", "ausleihe@buecherei.example.org"),
    "kopierer": Person("Kopierer Etage 2", "scan@example.com"),
    "verein": Person("Förderverein Bürgerhaus", "vorstand@buergerhaus.example.org"),
    "kantine": Person("Kantine", "kantine@example.com"),
    "bahn": Person("Reiseauskunft", "reise@bahn.example.com"),
    "gewinn": Person("GEWINN-ZENTRALE", "winner@gewinn-zentrale.example.net"),
    "pillen": Person("Dr. med. Schlank", "info@slim.example.net"),
    "seo": Person("Kevin from RankBoost", "kevin@rankboost.example.net", german=False),
    "prince": Person("Barrister J. Okonjo-Smythe", "barrister@example.net", german=False),
    "kredit": Person("Sofortkredit", "antrag@kredit.example.net"),
    "watches": Person("Luxury Outlet", "sale@watches.example.net", german=False),
    "phishbank": Person("Musterbank Sicherheit", "sicherheit@sicher-login.example.net"),
    "phishpaket": Person("Paketdienst Zoll", "zoll@paket-zoll.example.net"),
    "phishboss": Person("Claire Beaumont", "claire.beaumont.office@example.net", german=False),
    "phishadmin": Person("IT-Helpdesk", "admin@postfach-hilfe.example.net"),
}
