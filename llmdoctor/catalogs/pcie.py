"""What a PCI Express link carries. Rates and codings: PCI-SIG, "PCI Express Base Specification", revisions 1.1 to 6.0."""

from __future__ import annotations

from typing import Optional

# Transfers per second of a lane times the share that the coding leaves: 8b/10b, from generation 3 on 128b/130b, 242 of 256
# bytes of a flit in generation 6.
_LANE_BYTES_PER_S = {
    1: 2.5e9 / 8 * 8 / 10,
    2: 5e9 / 8 * 8 / 10,
    3: 8e9 / 8 * 128 / 130,
    4: 16e9 / 8 * 128 / 130,
    5: 32e9 / 8 * 128 / 130,
    6: 64e9 / 8 * 242 / 256,
}


def link_bytes_per_s(generation: int, width: int) -> Optional[int]:
    """One way, before the protocol's own headers take 10 to 20 %; None for a generation that is not known."""
    lane = _LANE_BYTES_PER_S.get(generation)
    return None if lane is None else round(lane * width)
