"""Every place where bytes of strangers are read, fed with bytes that nobody would send.

`targets` names the places and what each may raise; `python -m tests.fuzz TARGET --seconds 60` feeds one of them with
what a coverage-guided fuzzer (atheris) thinks of, beginning with `corpus/TARGET`; what it finds is kept there, and
`tests/unit/fuzz` feeds all of it again.
"""
