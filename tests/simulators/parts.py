"""An estate in parts that can be simulated apart, each in its process: buildings do not influence each other."""

from dataclasses import replace

from devices.model import Council, Estate


def parts(estate: Estate, count: int) -> list[Estate]:
    """At most `count` estates that together are this one, with near as many devices each.

    Buildings between which a device has moved stay together.
    """
    groups = sorted(_groups(estate), key=lambda group: -_devices(estate, group))
    shares: list[set[tuple[str, str]]] = [set() for _ in range(min(count, len(groups)))]
    for group in groups:
        min(shares, key=lambda share: _devices(estate, share)).update(group)
    return [_only(estate, share) for share in shares]


def _groups(estate: Estate) -> list[set[tuple[str, str]]]:
    groups = {
        (council.id, building): {(council.id, building)}
        for council in estate.councils.values()
        for building in council.buildings
    }
    for council in estate.councils.values():
        for device in council.devices.values():
            places = [(council.id, assignment.building) for assignment in device.assignments]
            joined = set().union(*(groups[place] for place in places))
            groups |= dict.fromkeys(joined, joined)
    return list({id(group): group for group in groups.values()}.values())


def _devices(estate: Estate, wanted: set[tuple[str, str]]) -> int:
    return sum(
        (council.id, device.assignments[-1].building) in wanted
        for council in estate.councils.values()
        for device in council.devices.values()
    )


def _only(estate: Estate, wanted: set[tuple[str, str]]) -> Estate:
    return Estate(
        {c.id: _council(c, wanted) for c in estate.councils.values() if any(c.id == where for where, _ in wanted)}
    )


def _council(council: Council, wanted: set[tuple[str, str]]) -> Council:
    return replace(
        council,
        buildings={name: one for name, one in council.buildings.items() if (council.id, name) in wanted},
        devices={
            name: one for name, one in council.devices.items() if (council.id, one.assignments[-1].building) in wanted
        },
    )
