"""Benchmarks: ratios against the raw floor, measured in one run on one machine.

`python -m benchmarks` prints the table and writes docs/benchmarks.md. Never part of the tests.
"""
