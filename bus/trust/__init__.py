"""Who is who on the bus. `rights` is the table; `authority` vouches with `claims` over `nkeys`; `credentials` is the
file that proves who a connection is, and `keyring` the one a process uses.
"""
