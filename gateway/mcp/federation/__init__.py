"""The whole federation as one MCP server: lists from memory, calls to the one member they name.

`aggregate`                     put together; one upstream for each `scope` that a URL names
`whole`                         the upstream: which request is answered how
`catalogue`, `catalogue_feed`   what all members offer (`offers`), kept as the directory is; `knowledge` looks twice
`naming`, `words`               what a member's tool, prompt or resource is called here
`listing`, `paging`             lists in pages, of bytes made once
`discovery_tools`, `toolsearch` the tools that stand for a list too long to show, and the search behind them
`calls`, `routing`, `splicing`  a call on its way: names put back without reading what is around them
`gathering`                     prompts and resources, asked of the members when somebody wants them
`directory_resources`           `omega://directory/…`
`listening`                     changes, told once to everybody who listens
"""
