"""The boards, one module each."""

from typing import Final

from dashboards.board import Board
from dashboards.boards import energy, occupancy

BOARDS: Final[tuple[Board, ...]] = (energy.BOARD, occupancy.BOARD)
