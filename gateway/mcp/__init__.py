"""MCP over HTTP, both protocol eras on one URL. Members and the bus know 2026-07-28 alone; all older talk ends here.

`front`       what clients meet: one URL for both eras, sessions that any gateway serves
`upstream`    what answers behind it, one of two:
`member`      one member, its requests forwarded untouched
`federation`  the whole federation, as one server
"""
