"""The Image Service: what is in this picture file, without trusting it.

```
service     the tool `image_info`; `build` makes the member
settings    its limits
picture     the bytes in the argument (pure)
inspection  one look at a picture with Pillow, in a worker
```

A picture comes from a stranger: it may be damaged, lie about its size, or unpack to a thousand times its bytes. So
only listed formats are tried, pixels are bounded, and the decoder runs in a process that can be killed.
"""

from __future__ import annotations
