"""How many examples a fuzz test tries, and from which seeds a random world is made.

By default the same few run every time. A long hunt over new ones:

    SEMILLERO_FUZZ_EXAMPLES=5000 python -m pytest tests/unit/ingest/test_ingest_fuzz.py
    SEMILLERO_PROPERTY_SEEDS=1,2,3 python -m pytest tests/integration/test_activity_macros.py
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

_EXAMPLES = int(os.environ.get("SEMILLERO_FUZZ_EXAMPLES", "0"))
_SEEDS = os.environ.get("SEMILLERO_PROPERTY_SEEDS", "")


def examples(count: int) -> settings:
    """Few and always the same, or many and always others."""
    return settings(
        max_examples=_EXAMPLES or count,
        derandomize=not _EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        # Shrinking takes minutes, and a found case is small enough to be read.
        phases=[Phase.explicit, Phase.generate],
        print_blob=True,
    )


def property_seeds(always: int) -> list[int]:
    """The seed of every run, and then those that somebody asks for."""
    return list(dict.fromkeys([always, *(int(seed) for seed in _SEEDS.split(",") if seed)]))
