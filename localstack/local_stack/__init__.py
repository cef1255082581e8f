"""The local stack: the whole pipeline on one machine, everything on loopback, all state under `.local/`.

Read `cli` for the commands, `stack` for what a stack consists of and the order in which it starts, `demo` for the demonstration.
Every other module knows one part: `shop` Medusa, `postgres` its database, `pim` the stand-in for Pimcore, `emulator` the local AWS,
`functions` the Rust binaries, `deploy` the template.

Modules that the commands need before the tools are installed (`install` and what it imports) use the standard library only.
"""
