"""Who asks, and whether it may. Read in the order a request meets it:

`settings`, `policy`        what an operator may set; whether a gateway may start like that
`tls`                       HTTPS, client certificates in the handshake, replaced while running
`facts`                     what a request shows of who sent it
`proofs`                    the ways to prove it: `keyring` (API keys, kept by `keyfeed`), `oauth` (access tokens, with
                            the keys of their `issuers`), `certificates`
`rules`, `admission`        what each path needs; the station that lets in or refuses
`challenges`, `metadata`    what a refusal tells a client that could do better
`methods`, `enforcement`    what a narrowed scope reaches, decided before the bus hears of it
`visible`                   the directory as one caller may see it
`identity`                  who asks, as tools are told
`denials`                   refusals in the audit trail, bounded
`doorkeeper`                all of it put together
"""
