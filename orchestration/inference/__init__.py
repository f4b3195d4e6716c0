"""Pure statistics on small tables.

What lives here: functions from a frame to a frame (or arrays), with the source of each formula.
What may not: reading or writing a warehouse, event data, estimators of our own where a library has
them, and heavy imports outside of functions.
"""
