"""The Data Validator: is this JSON what its schema says?

```
service     the tool `validate_json`; `build` makes the member
settings    its limits
bounds      what is small and flat enough to be looked at (pure)
validation  one validation by jsonschema-rs, in a worker
```

A schema comes from a stranger: it may ask for files and URLs, recurse, or take for ever. So no reference leaves the
schema, and the work is done in a process that can be killed.
"""

from __future__ import annotations
