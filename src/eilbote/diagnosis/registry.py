"""Every check that there is: a row each, with the worst verdict it may ever give and who acts as a rule.

Ids never change their meaning and are never used again. The title of a check is `doctor.ID/what` in the
message catalogue. Nothing about another party's domain may be worse than a warning for somebody who only
wants to read mail.
"""

from __future__ import annotations

from eilbote.diagnosis.values import Check, Layer, Verdict, Who

_VERDICTS = {
    "pass": Verdict.PASS,
    "info": Verdict.INFO,
    "warn": Verdict.WARN,
    "fail": Verdict.FAIL,
    "error": Verdict.ERROR,
}
_WHO = {
    "Y": Who.YOU,
    "P": Who.PROVIDER,
    "D": Who.DOMAIN,
    "N": Who.NETWORK,
    "us": Who.US,
    "-": Who.NOBODY,
}

_ROWS = {
    Layer.ENV: """
        01 fail Y RFC 5280, RFC 7519
        02 fail N RFC 1034
        03 warn N RFC 2308
        04 info Y RFC 4035
        05 fail Y RFC 8910
        06 fail Y P
        07 warn N RFC 8305
        08 info Y P
        09 fail Y RFC 5280
        10 warn us RFC 8446
        11 fail Y P
        12 fail Y P
    """,
    Layer.DISC: """
        01 fail Y RFC 5321, RFC 5891, RFC 6531
        02 info - P
        03 warn D RFC 6186, RFC 8314 section 5
        04 warn D draft-ietf-mailmaint-autoconfig
        05 info D draft-ietf-mailmaint-pacc
        06 info D MS-OXDSCLI
        07 info - RFC 8620
        08 info Y P
        09 warn D P
        10 info Y P
    """,
    Layer.DNS: """
        01 fail D RFC 1035
        02 warn D RFC 1912, RFC 2182
        03 fail D RFC 5321 section 5, RFC 2181
        04 fail D RFC 7505
        05 fail D RFC 3596
        06 fail D RFC 1912, RFC 8601
        07 info D RFC 5321 section 4.1.4
        08 fail D RFC 7208
        09 fail D RFC 7208 sections 3.3, 3.4, 4.6.4
        10 warn D RFC 7208
        11 fail D RFC 7208
        12 fail D RFC 6376, RFC 8301, RFC 8463
        13 warn P RFC 6376 section 5.4
        14 warn D RFC 9989
        15 warn D RFC 9989
        16 warn D RFC 9989
        17 warn D RFC 9990
        18 fail D RFC 9989
        19 fail D RFC 8461
        20 info D RFC 8460
        21 fail D RFC 4035, RFC 9364
        22 fail P RFC 7672
        23 fail D RFC 7671, RFC 7672
        24 info D RFC 7671 section 8
        25 info D RFC 6698
        26 warn D RFC 8659, RFC 8657
        27 info D BIMI drafts
        28 warn D RFC 5782
        29 info D RFC 1912
        30 info D BSI TR-03108, TR-03182
    """,
    Layer.NET: """
        01 fail N RFC 8314
        02 info - RFC 9051
        03 fail N RFC 8314
        04 info - RFC 6409
        05 fail N RFC 1939
        06 warn N RFC 5321
        07 fail P P
        08 fail N P
        09 fail P P
        10 fail Y P
        11 fail Y P
        12 warn N RFC 4821
    """,
    Layer.TLS: """
        01 fail P RFC 8446
        02 fail P RFC 8996, RFC 9325
        03 fail P RFC 9325, BSI TR-02102-2
        04 info P RFC 9325
        05 fail P RFC 5280
        06 fail Y RFC 9525
        07 fail P RFC 5280
        08 warn P CA/Browser Forum SC-081v3
        09 fail P RFC 9325
        10 fail Y P
        11 fail D P
        12 fail P RFC 6960
        13 fail P RFC 7633
        14 info P RFC 9162
        15 fail D RFC 5746, RFC 7627, RFC 7507
        16 warn P RFC 8446 section 8
        17 info P RFC 7301
        18 info - RFC 6066
        19 fail P RFC 3207, RFC 2595, RFC 9051
        20 fail N RFC 8314 section 3
        21 fail P CVE-2011-0411
        22 fail us CVE-2011-0411
        23 warn P P
        24 warn Y RFC 8314
    """,
    Layer.IMAP: """
        01 fail P RFC 9051 section 7.1
        02 info - RFC 2971
        03 warn - RFC 9051
        04 fail P RFC 9051
        05 fail Y RFC 4422, RFC 7628, RFC 7677
        06 fail P RFC 3501, RFC 9051
        07 info - RFC 7162, RFC 4315, RFC 6851, RFC 8474
        08 info - RFC 7162
        09 warn - RFC 2177
        10 warn - RFC 7889, RFC 5530
        11 info - RFC 2342, RFC 9755
        12 fail P RFC 9051 section 2.3.1.1
        13 warn P P
        14 info - RFC 4978
    """,
    Layer.AUTH: """
        01 warn Y P
        02 fail Y P
        03 fail Y RFC 9051
        04 fail Y P
        05 fail Y RFC 5530
        06 fail Y P
        07 fail Y P
        08 fail Y P
        09 fail Y RFC 5530
        10 fail Y RFC 5530
        11 error - RFC 5530
        12 error P RFC 5530
        13 fail D P
        14 fail Y RFC 6749, RFC 7628
        15 warn Y P
        16 fail Y P
    """,
    Layer.BOX: """
        01 warn Y RFC 6154
        02 warn Y P
        03 info - P
        04 info - RFC 9051
        05 fail Y RFC 9208
        06 warn D RFC 4314
        07 info - P
        08 warn Y P
        09 info - P
        10 info Y P
    """,
    Layer.SMTP: """
        01 fail P RFC 5321
        02 info - RFC 5321, RFC 1870, RFC 8689, RFC 9422
        03 fail us RFC 5321 section 4.1.1.1
        04 warn P RFC 4954
        05 fail Y RFC 4954
        06 fail Y RFC 5321
        07 warn Y P
        08 fail Y P
        09 fail Y P
        10 fail Y RFC 5321
        11 info - RFC 1870
        12 info - RFC 9422
        13 pass - RFC 6647
        14 info - RFC 3463, RFC 5248
        15 fail P RFC 5321
        16 fail us CVE-2023-51764
        17 fail D RFC 5321
        18 info - RFC 3030
    """,
    Layer.TRIP: """
        01 fail P P
        02 warn Y P
        03 info - P
        04 warn D RFC 8601
        05 info P RFC 3848
        06 fail P P
        07 fail P P
        08 warn us P
        09 warn Y P
        10 warn us P
    """,
    Layer.OAUTH: """
        01 fail Y RFC 6749
        02 fail Y RFC 6749
        03 fail Y RFC 6749
        04 fail D P
        05 fail D P
        06 fail Y RFC 6749
        07 info - RFC 7628
        08 fail Y RFC 7519
    """,
}
_PREFIXES = {Layer.OAUTH: "OA"}


def _row(layer: Layer, line: str) -> Check:
    number, worst, who, reference = line.split(maxsplit=3)
    prefix = _PREFIXES.get(layer, layer.value.upper())
    return Check(prefix + number, layer, _VERDICTS[worst], _WHO[who], reference)


CHECKS = {
    check.id: check
    for layer, rows in _ROWS.items()
    for check in (_row(layer, line) for line in rows.strip().splitlines())
}
"""By id, in the order of the ladder."""
