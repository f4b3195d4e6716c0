"""A simulated LATAM LIVE world whose truth is known, at any scale.

What lives here: the package that makes landing files and, beside them, the truth about them. What
may not: anything that reads landing like the pipeline does; the simulator and the pipeline share
only the contract of the feeds.

`world` draws the people, `activity` lets them live week by week, `states` is what is known of them,
`dirt` makes what they did look like real feeds, `landing` writes it, `truth` says what a pipeline
should find. `walk` goes through the weeks, `build` puts the result in place. `parameters` holds
every number.
"""

from __future__ import annotations

from orchestration.simulate.build import extend, simulate
from orchestration.simulate.options import WorldError, WorldFormat, WorldOptions, WorldSummary

__all__ = ["WorldError", "WorldFormat", "WorldOptions", "WorldSummary", "extend", "simulate"]
