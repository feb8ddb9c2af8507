"""The fault corpus: servers and networks that are broken in one way each, and the first word of the cause
that a diagnosis must begin with. All of it is our own, made after what servers are known to do."""

from __future__ import annotations

from pathlib import Path

from tests.diagnosis.peers import Authority
from tests.diagnosis.scenario import Scenario
from tests.diagnosis.scenarios_of_answers import answers
from tests.diagnosis.scenarios_of_networks import names, networks
from tests.diagnosis.scenarios_of_others import others
from tests.diagnosis.scenarios_of_tls import certificates, protections


def everything(folder: Path, trusted: Authority) -> list[Scenario]:
    return [
        *answers(),
        *networks(),
        *names(),
        *certificates(folder, trusted),
        *protections(folder, trusted),
        *others(),
    ]
