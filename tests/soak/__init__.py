"""An hour with two thousand members: `python -m tests.soak [--minutes 60] [--members 2000]`.

`roles` are the processes, each of which writes down what it holds; `load` is what clients do meanwhile; `census` reads
what was written and says what grew; `plot` draws it.
"""
