"""Every column that a result's JSON may have, group by group: of time, and of area and energy."""

from __future__ import annotations

from accelsim.analysis.columns import GROUPS, Group
from accelsim.hardware.columns import COST_GROUPS

ALL_GROUPS: tuple[Group, ...] = (*GROUPS, *COST_GROUPS)
