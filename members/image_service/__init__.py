"""The Image Service: look at pictures, change them, compare them, without trusting any of them.

In the service's own process, where no picture is ever decoded:

```
service     `build` makes the member
settings    its limits
tools       the eight tools; `arguments` and `results` are what goes in and comes out
delivery    a picture as base64 in a plain reply, as an image content block over MCP
studio      one call: pictures are fetched, laid down for a worker, picked up
```

In worker processes, which have limits, no settings of the service, and may die:

```
engine      the first module of a worker; `jobs` is what it can do
reading     files opened and decoded within limits
pixels      every mode as one of five; `colour` brings profiles to sRGB, `exif` reads and cleans what cameras wrote
shape       sizes and boxes (pure); `redaction`, `comparison`, `sheet`, `inspection` are the other kinds of work
memory      is there room for a codec; asked before it is let run
making      file in, frames changed, file out; `writing` knows what formats hold, `palette` makes GIFs of true colours
```

A picture comes from a stranger: it may be damaged, lie about its size, or unpack to a thousand times its bytes. So
only listed formats are tried, pixels are bounded before they are decoded, and the decoder runs in a process that can
be killed.
"""

from __future__ import annotations
