"""Chaos on a deployed stack: everything goes wrong for a while, then quiet; then every product is compared with what it should be.

`python -m chaos --help`, or `make chaos`. What it does and what its figures mean: tests/chaos/README.md.
"""
