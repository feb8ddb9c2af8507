"""Bounces in sentences, as the known systems write them, all about one mail to anna@example.com.

Made for these tests after the forms that the systems use; `{returned}` is where the header of the mail
stands that comes back.
"""

from __future__ import annotations

NOTICES: dict[str, tuple[str, str, str]] = {
    "Postfix": ("Undelivered Mail Returned to Sender", "5.1.1", """\
This is the mail system at host mx.example.net.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

<anna@example.com>: host mx.example.com[192.0.2.7] said: 550 5.1.1
    <anna@example.com>: Recipient address rejected: User unknown (in reply to
    RCPT TO command)
"""),
    "Exim": ("Mail delivery failed: returning message to sender", "5.2.2", """\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  anna@example.com
    host mx.example.com [192.0.2.7]
    SMTP error from remote mail server after RCPT TO:<anna@example.com>:
    552 mailbox full

------ This is a copy of the message, including all the headers. ------

{returned}
"""),
    "qmail": ("failure notice", "5.1.1", """\
Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<anna@example.com>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

{returned}
"""),
    "GMX": ("Mail delivery failed: returning message to sender", "5.1.1", """\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of
its recipients. This is a permanent error. The following address(es)
failed:

anna@example.com:
SMTP error from remote server for RCPT TO command, host: mx.example.com (192.0.2.7) reason: 550 Requested
action not taken: mailbox unavailable

--- The header of the original message is following. ---

{returned}
"""),
    "WEB.DE in German": ("Unzustellbar: Treffen", "5.2.2", """\
Diese Nachricht wurde automatisch von der Mail-Software erzeugt.

Ihre E-Mail konnte einem oder mehreren Empfängern nicht zugestellt werden.

anna@example.com:
Das Postfach des Empfängers ist voll.

--- Die Kopfzeilen der ursprünglichen Nachricht ---

{returned}
"""),
    "T-Online": ("mail failed, returning to sender", "5.1.1", """\
|------------------------- Message log follows: -------------------------|
 no valid recipients were found for this message
|------------------------- Failed addresses follow: ---------------------|
 <anna@example.com> ... unknown user
|------------------------- Message text follows: ------------------------|
{returned}
"""),
    "Exchange in German": ("Unzustellbar: Treffen", "5.1.10", """\
Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen:

Anna Groß (anna@example.com)<mailto:anna@example.com>
Die eingegebene E-Mail-Adresse wurde nicht gefunden.

Diagnoseinformationen für Administratoren:

anna@example.com
Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'

Ursprüngliche Nachrichtenköpfe:

{returned}
"""),
    "Microsoft 365 in German": ("Unzustellbar: Treffen", "5.7.708", """\
Ihre Nachricht an anna@example.com konnte nicht zugestellt werden.

Der Remoteserver hat die Nachricht abgelehnt.

Remoteserver hat zurückgegeben: '550 5.7.708 Access denied, traffic not accepted from this IP'

Ursprüngliche Nachrichtenkopfzeilen:
{returned}
"""),
    "Microsoft 365 in English": ("Undeliverable: Treffen", "5.1.1", """\
Your message to anna@example.com couldn't be delivered.
anna wasn't found at example.com.

Diagnostic information for administrators:
anna@example.com
Remote server returned '550 5.1.1 not found'

Original message headers:
{returned}
"""),
    "Gmail": ("Delivery Status Notification (Failure)", "5.1.1", """\
** Address not found **

Your message wasn't delivered to anna@example.com because the address couldn't be found, or is unable to
receive mail.

The response was:

550 5.1.1 The email account that you tried to reach does not exist.

----- Original message -----

{returned}
"""),
    "sendmail": ("Returned mail: see transcript for details", "5.7.1", """\
   ----- The following addresses had permanent fatal errors -----
<anna@example.com>
    (reason: 550 5.7.1 <anna@example.com>... Relaying denied)

   ----- Transcript of session follows -----
... while talking to mx.example.com.:
>>> RCPT To:<anna@example.com>
<<< 550 5.7.1 <anna@example.com>... Relaying denied

   ----- Original message follows -----

{returned}
"""),
}  # fmt: skip
"""System -> subject, status, text."""

DELAYS = (
    """\
THIS IS A WARNING MESSAGE ONLY.

Delivery to the following recipient has been delayed:

     anna@example.com

Message will be retried for 2 more day(s)
""",
    """\
Your message has not yet been delivered to <anna@example.com>.
Will keep trying until message is 5 days old.
""",
    """\
Ihre Nachricht wurde noch nicht zugestellt:

anna@example.com

Die Zustellung verzögert sich.
""",
)
