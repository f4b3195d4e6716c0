"""The seeds, judged before anything runs, with file and line.

What lives here: reading `seeds/*.csv` with the lines on which rows stand, and every refusal that
needs no data, one module for what belongs together. What may not: what the rows do (that is
models), and rows of feeds.
"""
