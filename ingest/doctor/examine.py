"""All probes and all judgements, one after the other."""

import asyncio
import time
from pathlib import Path

from devices.model import Estate
from ingest.canary import own_topics
from ingest.doctor import broker, database, findings, machine, rollups
from ingest.doctor.findings import Finding
from ingest.settings import Settings


async def examine(settings: Settings, written: Path | None, security: Path | None, say: broker.Say) -> list[Finding]:
    """What is found, in the order of the path. Takes some seconds.

    Args:
        written: the settings' file.
        security: the folder of credentials that `tolbooth init` made.
        say: is told what is done next.
    """
    say("registry")
    known = await asyncio.to_thread(machine.estate, settings)
    fleet = await machine.fleet(settings, known)
    of_broker, of_database, of_rollups, of_data = await asyncio.gather(
        _broker(settings, known, say),
        database.probe(settings.influx),
        database.rollups(settings.influx),
        asyncio.to_thread(machine.data, settings),
    )
    certificates = await asyncio.to_thread(lambda: list(machine.certificates(settings, security)))
    return [
        *(findings.of_broker(of_broker, settings, fleet.per_second) if of_broker is not None else ()),
        *findings.of_database(of_database, settings),
        *findings.of_data(of_data, settings),
        *rollups.of_rollups(of_rollups, of_data, settings),
        *findings.of_fleet(fleet, settings.registry),
        *findings.of_files(machine.files(settings, written, security)),
        *findings.of_certificates(certificates, time.time_ns()),
    ]


async def _broker(settings: Settings, known: Estate | str, say: broker.Say) -> findings.BrokerEvidence | None:
    """None where the registry, which names the topics that ingest may use, has mistakes."""
    if isinstance(known, str):
        return None
    return await broker.probe(settings.mqtt, own_topics(known), settings.max_payload_bytes, say)
