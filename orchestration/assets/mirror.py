"""The mirror of the release in a bucket, as part of a run: brought up, or told to be behind.

What lives here: what a run does about it. What may not: making it
(`release.mirror`). The release in the home stands whatever happens here.
"""

from orchestration import run_record
from orchestration.settings import Settings
from orchestration.storage import StorageError


def mirror_release(
    settings: Settings, run_id: str, release_id: str, *, is_published: bool
) -> str | None:
    """Bring the mirror up to the current release, if there is to be one.

    Returns:
        Why the mirror is behind, in the language of the settings; None if it is not, or none is
        wanted. The run's record then says so too, beside what was published.
    """
    if not settings.release_url:
        return None
    from orchestration.release.mirror import mirror_current

    try:
        mirror_current(settings)
    except StorageError as error:
        outcome = {
            "release": release_id,
            "is_published": is_published,
            "mirror_behind": {"en": error.en, "es": error.es},
        }
        run_record.write_outcome(settings, run_id, outcome)
        return error.message(settings.language)
    return None
