"""What clients meet, in the order a request does.

`fronts`, `endpoint`            one gateway's fronts, and the handler of one path
`admission`, `messages`         what a POST must be; JSON-RPC in and out
`modern`                        2026-07-28: bytes forwarded, streamed where needed
`legacy`, `tokens`, `sessions`  before it: sessions that any gateway serves
`exchange`, `translation`       one request of a session, there and back
`bridge`, `inflight`, `follow`  questions to the client, cancellations, the session's own stream (`changes` after a gap)
`sse`, `streams`                event streams, bounded; the ones that last
"""
