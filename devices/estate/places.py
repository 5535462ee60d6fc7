"""Where in an estate's files a council's list of devices and sources stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devices.estate.draft import CouncilDraft, DeviceDraft, read_estate
from devices.estate.problem import Problem
from devices.registry import RegistryError

CSV, YAML = "devices.csv", "devices.yaml"


@dataclass(frozen=True, slots=True)
class Councils:
    """The councils of a sound estate as their files stand."""

    drafts: list[CouncilDraft]

    def of_building(self, name: str) -> list[tuple[CouncilDraft, str]]:
        """Council and building for `building` or `council/building`; more than one where councils share the name."""
        return [(draft, building) for draft, building in self._named(name) if building in draft.buildings]

    def of_device(self, name: str) -> list[tuple[CouncilDraft, DeviceDraft]]:
        """Council and device for `device` or `council/device`."""
        return [(draft, draft.devices[device]) for draft, device in self._named(name) if device in draft.devices]

    def _named(self, name: str) -> Iterator[tuple[CouncilDraft, str]]:
        council, slash, rest = name.rpartition("/")
        for draft in self.drafts:
            if not slash or ident(draft) == council:
                yield draft, rest


def ident(draft: CouncilDraft) -> str:
    """The council's id."""
    return draft.head.id if draft.head else ""


def councils(folder: Path) -> Councils:
    """The councils of the estate in `folder`.

    Raises:
        RegistryError: a file cannot be read.
    """
    problems: list[Problem] = []
    drafts = read_estate(folder, problems)
    if problems:
        raise RegistryError(sorted(problems))
    return Councils(drafts)


def device_list(draft: CouncilDraft) -> Path:
    """The file to which a new device of the council is added: the one that it uses, else `devices.csv`."""
    folder = Path(draft.folder)
    yaml = (folder / YAML).is_file() and not (folder / CSV).is_file()
    return folder / (YAML if yaml else CSV)
