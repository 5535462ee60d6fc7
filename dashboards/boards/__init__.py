"""The boards, one module each."""

from typing import Final

from dashboards.board import Board
from dashboards.boards import energy, occupancy

BOARDS: Final[tuple[Board, ...]] = (energy.BOARD, occupancy.BOARD)
WITHOUT_SMALL_NUMBERS: Final[tuple[Board, ...]] = (energy.BOARD, occupancy.WITHOUT_SMALL_NUMBERS)
"""The same, for councils that publish no count of 1 to 4 people."""
