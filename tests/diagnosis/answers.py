"""The 80 answers of servers that the map must know, as they are said: number, protocol, provider, text, and
the first words that its cause may have. Written by us after what the servers are known to say."""

from __future__ import annotations

from typing import NamedTuple

from eilbote.diagnosis.evidence import Protocol

IMAP, SMTP, POP3 = Protocol.IMAP, Protocol.SMTP, Protocol.POP3


class Answer(NamedTuple):
    """`greeting`: at the beginning of a connection, before any command."""

    number: int
    protocol: Protocol
    provider: str
    text: str
    words: tuple[str, ...]
    greeting: bool = False


ANSWERS = (
    Answer(
        1,
        IMAP,
        "gmail",
        "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)",
        ("password", "app_password"),
    ),
    Answer(
        2,
        IMAP,
        "gmail",
        "NO [ALERT] Application-specific password required: "
        "https://support.google.com/accounts/answer/185833 (Failure)",
        ("app_password",),
    ),
    Answer(
        3,
        IMAP,
        "gmail",
        "NO [WEBALERT https://accounts.google.com/signin/continue] Web login required.",
        ("web_login",),
    ),
    Answer(
        4,
        IMAP,
        "gmail",
        "NO [ALERT] Please log in via your web browser: "
        "https://support.google.com/mail/answer/78754 (Failure)",
        ("web_login",),
    ),
    Answer(
        5, IMAP, "gmail", "NO [ALERT] Your account is not enabled for IMAP use. (Failure)", ("service_off",)
    ),
    Answer(6, IMAP, "gmail", "NO [ALERT] IMAP access is disabled for your domain. (Failure)", ("admin",)),
    Answer(7, IMAP, "gmail", "NO Lookup failed 1a2b3c4d5e6f-77", ("admin",)),
    Answer(8, IMAP, "gmail", "NO [ALERT] Too many simultaneous connections. (Failure)", ("connections",)),
    Answer(
        9,
        IMAP,
        "gmail",
        "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)",
        ("rate", "quota"),
    ),
    Answer(
        10, IMAP, "gmail", "BYE Session expired, please login again.", ("rate", "temporary"), greeting=True
    ),
    Answer(
        11,
        SMTP,
        "gmail",
        "534-5.7.9 Application-specific password required. For more information, go to\n"
        "534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor ab12-20020a0 - gsmtp",
        ("app_password",),
    ),
    Answer(
        12,
        SMTP,
        "gmail",
        "535-5.7.8 Username and Password not accepted. Learn more at\n"
        "535 5.7.8  https://support.google.com/mail/?p=BadCredentials ab12 - gsmtp",
        ("password", "app_password"),
    ),
    Answer(
        13,
        SMTP,
        "gmail",
        "534-5.7.14 <https://accounts.google.com/signin/continue?sarp=1> Please log in "
        "via your web browser and\n"
        "534 5.7.14 then try again. - gsmtp",
        ("web_login",),
    ),
    Answer(
        14,
        SMTP,
        "gmail",
        "454 4.7.0 Too many login attempts, please try again later. - gsmtp",
        ("rate", "temporary"),
    ),
    Answer(
        14,
        SMTP,
        "gmail",
        "454 4.7.0 Cannot authenticate due to temporary system problem. Try again later.",
        ("temporary", "rate"),
    ),
    Answer(
        15,
        SMTP,
        "gmail",
        "421 4.7.0 Try again later, closing connection. (EHLO) ab12 - gsmtp",
        ("temporary", "rate"),
        greeting=True,
    ),
    Answer(
        16,
        SMTP,
        "gmail",
        "450 4.2.1 The user you are trying to contact is receiving mail too quickly.",
        ("rate",),
    ),
    Answer(
        17,
        SMTP,
        "gmail",
        "452 4.2.2 The recipient's inbox is out of storage space and over quota.",
        ("quota",),
    ),
    Answer(
        18,
        SMTP,
        "gmail",
        "452 4.5.3 Domain policy size per transaction exceeded: too many recipients",
        ("rate",),
    ),
    Answer(
        19,
        SMTP,
        "gmail",
        "454 4.5.0 SMTP protocol violation, no commands allowed to pipeline after STARTTLS",
        ("server",),
    ),
    Answer(20, SMTP, "gmail", "550 5.4.5 Daily user sending limit exceeded. - gsmtp", ("rate",)),
    Answer(
        21,
        SMTP,
        "gmail",
        "550-5.7.26 This mail is unauthenticated, which poses a security risk.\n550 5.7.26 - gsmtp",
        ("spam",),
    ),
    Answer(22, IMAP, "gmail", "OK anna@gmail.com authenticated (Success)", ("none",)),
    Answer(23, IMAP, "outlook", "NO Basic authentication is disabled.", ("oauth_only",)),
    Answer(24, IMAP, "outlook", "NO LOGIN failed.", ("oauth_only", "password", "service_off")),
    Answer(24, IMAP, "office365", "NO AUTHENTICATE failed.", ("oauth_only", "password", "service_off")),
    Answer(
        25,
        IMAP,
        "outlook",
        "NO LOGIN failed. Account is blocked. Login to your account via a web browser to "
        "verify your identity.",
        ("web_login",),
    ),
    Answer(26, IMAP, "office365", "BAD User is authenticated but not connected.", ("admin",)),
    Answer(
        27,
        IMAP,
        "office365",
        "BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds",
        ("rate",),
    ),
    Answer(28, IMAP, "office365", "NO Server Unavailable. 15", ("quota", "temporary")),
    Answer(29, IMAP, "office365", "NO Maximum size of appendable message has been exceeded.", ("size",)),
    Answer(30, IMAP, "office365", "NO Folder name is reserved.", ("none",)),
    Answer(31, IMAP, "office365", "BAD Command Argument Error. 11", ("server",)),
    Answer(
        32,
        SMTP,
        "office365",
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
        ("oauth_only",),
    ),
    Answer(
        33,
        SMTP,
        "office365",
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
        ("admin",),
    ),
    Answer(
        33,
        SMTP,
        "office365",
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.",
        ("admin",),
    ),
    Answer(
        34,
        SMTP,
        "office365",
        "535 5.7.139 Authentication unsuccessful, user is locked by your organization's "
        "security defaults policy.",
        ("admin",),
    ),
    Answer(
        35,
        SMTP,
        "office365",
        "535 5.7.139 Authentication unsuccessful, the request did not meet the criteria "
        "to be authenticated successfully.",
        ("admin",),
    ),
    Answer(
        36,
        SMTP,
        "office365",
        "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
        ("password",),
    ),
    Answer(
        37,
        SMTP,
        "office365",
        "535 5.7.3 Authentication unsuccessful [FR0P281CA0001.DEUP281.PROD.OUTLOOK.COM]",
        ("password", "oauth_only"),
    ),
    Answer(38, SMTP, "office365", "530 5.7.57 Client not authenticated to send mail.", ("relay", "password")),
    Answer(
        39,
        SMTP,
        "office365",
        "550 5.7.30 Basic authentication is not supported for Client Submission.",
        ("oauth_only",),
    ),
    Answer(40, SMTP, "office365", "432 4.3.2 concurrent connection limit exceeded", ("connections",)),
    Answer(
        40,
        SMTP,
        "office365",
        "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
        ("connections",),
    ),
    Answer(
        41,
        SMTP,
        "office365",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender SendAsDenied",
        ("sender",),
    ),
    Answer(
        41,
        SMTP,
        "office365",
        "554 5.2.252 SendAsDenied; anna@contoso.com not allowed to send as bert@contoso.com",
        ("sender",),
    ),
    Answer(
        42,
        SMTP,
        "office365",
        "550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit",
        ("rate",),
    ),
    Answer(
        42,
        SMTP,
        "office365",
        "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit",
        ("rate",),
    ),
    Answer(
        43,
        IMAP,
        "office365",
        "NO AADSTS50076: you must use multi-factor authentication to access",
        ("admin",),
    ),
    Answer(
        43,
        IMAP,
        "office365",
        "NO AADSTS65001: the user or administrator has not consented to use the application",
        ("admin",),
    ),
    Answer(
        43,
        IMAP,
        "office365",
        "NO AADSTS700082: the refresh token has expired due to inactivity",
        ("oauth_only",),
    ),
    Answer(43, IMAP, "office365", "NO AADSTS7000215: invalid client secret provided", ("oauth_only",)),
    Answer(44, IMAP, "gmx", "NO authentication failed", ("service_off", "app_password")),
    Answer(45, POP3, "webde", "-ERR authentication failed", ("service_off", "app_password")),
    Answer(46, SMTP, "gmx", "535 Authentication credentials invalid", ("service_off", "app_password")),
    Answer(
        47,
        SMTP,
        "ionos",
        "535 Authentication failure: SMTP AUTH failed with the remote server",
        ("password",),
    ),
    Answer(
        48,
        SMTP,
        "ionos",
        "450-Requested mail action not taken: mailbox unavailable\n450 Mail send limit exceeded.",
        ("rate",),
    ),
    Answer(49, SMTP, "ionos", "550 Requested action not taken: mailbox unavailable", ("recipient",)),
    Answer(50, SMTP, "gmx", "550 Requested action not taken: Sender address is not allowed.", ("sender",)),
    Answer(
        51,
        SMTP,
        "gmx",
        "554-gmx.net (mxgmx117) Nemesis ESMTP Service not available\n554-No SMTP service\n"
        "554-IP address is block listed.\n554 For explanation visit "
        "https://postmaster.gmx.net/en/case?c=r0601",
        ("spam",),
        greeting=True,
    ),
    Answer(52, SMTP, "gmx", "421 Rate limit reached", ("rate", "spam"), greeting=True),
    Answer(52, SMTP, "gmx", "450 Reject due to policy violations", ("rate", "spam")),
    Answer(
        53,
        IMAP,
        "gmx",
        "Sie haben kürzlich versucht, Ihr GMX Postfach in ein E-Mail-Programm einzubinden",
        ("service_off",),
    ),
    Answer(54, IMAP, "icloud", "NO [AUTHENTICATIONFAILED] Authentication failed", ("app_password",)),
    Answer(54, IMAP, "icloud", "NO Authentication Failed", ("app_password",)),
    Answer(55, IMAP, "yahoo", "NO [AUTHENTICATIONFAILED] LOGIN Invalid credentials", ("app_password",)),
    Answer(56, IMAP, "yahoo", "NO [LIMIT] LOGIN Rate limit hit.", ("rate",)),
    Answer(
        57,
        IMAP,
        "yahoo",
        "NO [UNAVAILABLE] AUTHENTICATE Server error - Please try again later OCF12",
        ("temporary",),
    ),
    Answer(58, SMTP, "yahoo", "521 Your account has sent over the limit", ("rate",)),
    Answer(58, SMTP, "yahoo", "554 Transaction failed: spam", ("spam",)),
    Answer(59, POP3, "t-online", "-ERR Toid authentication disabled", ("app_password",)),
    Answer(59, IMAP, "t-online", "NO [AUTHENTICATIONFAILED] Authentication failed.", ("app_password",)),
    Answer(60, IMAP, "", "NO [AUTHENTICATIONFAILED] Authentication failed.", ("password",)),
    Answer(
        61,
        IMAP,
        "",
        "NO [UNAVAILABLE] Temporary authentication failure. [mail:2026-11-23 10:00:00]",
        ("temporary",),
    ),
    Answer(61, IMAP, "", "NO [UNAVAILABLE] Account is temporarily unavailable.", ("temporary",)),
    Answer(
        62,
        IMAP,
        "",
        "NO [PRIVACYREQUIRED] Cleartext authentication disallowed on non-secure (SSL/TLS) connections.",
        ("tls",),
    ),
    Answer(
        62, IMAP, "", "NO Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", ("tls",)
    ),
    Answer(
        63,
        IMAP,
        "",
        "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded "
        "(mail_max_userip_connections=10)",
        ("connections",),
    ),
    Answer(64, IMAP, "", "BYE Disconnected for inactivity.", ("none",)),
    Answer(64, IMAP, "", "BYE Disconnected for inactivity during authentication.", ("none",)),
    Answer(65, IMAP, "", "BYE Too many invalid IMAP commands.", ("server",)),
    Answer(66, IMAP, "", "NO [OVERQUOTA] Quota exceeded (mailbox for user is full)", ("quota",)),
    Answer(67, IMAP, "", "NO [TRYCREATE] Mailbox doesn't exist: Gesendet", ("none",)),
    Answer(
        68,
        SMTP,
        "",
        "553 5.7.1 <bert@example.org>: Sender address rejected: not owned by user anna",
        ("sender",),
    ),
    Answer(69, SMTP, "", "554 5.7.1 <x@example.net>: Relay access denied", ("relay",)),
    Answer(
        70, SMTP, "", "554 5.7.1 <x@example.net>: Recipient address rejected: User unknown", ("recipient",)
    ),
    Answer(70, SMTP, "", "550 5.1.1 <x@example.net>: Recipient address rejected", ("recipient",)),
    Answer(
        71, SMTP, "", "550 5.1.8 <a@nicht.da>: Sender address rejected: Domain not found", ("sender", "dns")
    ),
    Answer(72, SMTP, "", "450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]", ("dns",)),
    Answer(73, SMTP, "", "450 4.7.1 Greylisted, please try again in 300 seconds", ("temporary",)),
    Answer(73, SMTP, "", "451 4.7.1 Please try again later", ("temporary",)),
    Answer(74, SMTP, "", "550 5.5.0 Service unavailable", ("temporary",)),
    Answer(
        75,
        SMTP,
        "yandex",
        "554 5.7.1 [2] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc",
        ("spam",),
    ),
    Answer(76, SMTP, "", "552 5.3.4 Message size exceeds fixed limit", ("size",)),
    Answer(76, SMTP, "", "552 5.2.3 Message too big", ("size",)),
    Answer(77, SMTP, "", "503 Bad sequence of commands", ("server",)),
    Answer(77, SMTP, "", "503 AUTH first (#5.5.1)", ("relay",)),
    Answer(78, IMAP, "", "NO Authentication rate limit from one source exceeded", ("rate",)),
    Answer(79, IMAP, "", "NO Please using authorized code to login.", ("app_password",)),
)
