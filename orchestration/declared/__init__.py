"""What a person declares instead of coding it: activities, funnels, cohorts and segments, in YAML.

What lives here: the four YAML files, their shape, the loader that refuses what is wrong in them (by
file and line, in both languages, before anything runs), and the one dbt macro file made from them.
What may not: SQL, and anything that computes. A new funnel, cohort or segment is one new entry.
"""

from __future__ import annotations

from orchestration.declared.loader import DeclarationError, Declarations, load_declarations

__all__ = ["DeclarationError", "Declarations", "load_declarations"]
