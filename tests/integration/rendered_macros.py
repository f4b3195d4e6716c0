"""dbt macros as SQL, for tests that run them on tables of their own.

What lives here: `render`, which lets dbt render many macro calls in one go (starting dbt takes
seconds, a call milliseconds). What may not: knowledge of any macro, assertions.
"""

from __future__ import annotations

from collections.abc import Sequence

from dbt_world import DbtWorld

_BETWEEN = "\n-- the next call\n"


def render(calls: Sequence[str], world: DbtWorld) -> list[str]:
    """The SQL of macro calls.

    Args:
        calls: Jinja expressions, such as `period_start('week', 'local_date')`.
        world: Of the test; it keeps the parsed project for further calls.

    Returns:
        What each call rendered to, in order.

    Raises:
        RuntimeError: dbt refused a call; the message carries its reason.
    """
    inline = _BETWEEN.join(f"{{{{ {call} }}}}" for call in calls)
    # A macro that is only rendered has no need of the relations that exist.
    result = world.invoke("compile", "--no-introspect", "--inline", inline)
    if not result.success:
        raise RuntimeError(str(result.exception))
    rendered: str = result.result.results[0].node.compiled_code
    return rendered.split(_BETWEEN)
