"""MCP over HTTP, both protocol eras on one URL. Members and the bus know 2026-07-28 alone; all older talk ends here.

In the order a request meets them:

`fronts`, `endpoint`          one gateway's fronts, and the handler of one path
`admission`, `messages`       what a POST must be; JSON-RPC in and out
`modern`                      2026-07-28: bytes forwarded, streamed where needed
`legacy`, `tokens`, `sessions`  before it: sessions that any gateway serves
`exchange`, `translation`     one request of a session, there and back
`bridge`, `inflight`, `follow`  questions to the client, cancellations, the session's own stream (`changes` after a gap)
`sse`, `streams`              event streams, bounded; the ones that last
`upstream`                    what answers behind an endpoint:
`member`                      one member, or
`aggregate`, `federation` …   the whole federation as one server
"""
