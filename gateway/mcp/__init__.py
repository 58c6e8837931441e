"""MCP over HTTP, both protocol eras on one URL.

`upstream`   what answers MCP requests behind an endpoint: one member, or the whole federation
"""
