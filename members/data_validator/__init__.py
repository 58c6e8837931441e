"""The Data Validator: is this data what its schema says, what is in it, and what has changed?

```
service       `build` makes the member; `json_tools` and `table_tools` are what it offers, `replies` what they answer
settings      its limits
bounds        what JSON is small and flat enough to be looked at (pure)
declared      what a caller says of a table: columns, keys, rules across columns; data, never code (pure)
intake        a table as callers give it, brought to a file: text, base64, rows, a URL, a resource

in workers only
json_jobs     `validation` by jsonschema-rs, `inference` by genson
table_jobs    the three jobs about tables, each in a `database` that sees one folder and nothing else
loading       a file into the database: `delimited`, `jsonlines`, `workbook`, Parquet; `loaded` is what comes of it
columns       how values read as text and as each type, as SQL; `kinds` finds the type of a column
checking      a table against what was declared: `checks` row by row, `keys` rows together
profiling     each column's gaps, range, spread, outliers, frequent values
comparing     two tables: their columns, `rowdrift`, and `shifting` with `drift`, how far values have moved
```

Schemas and tables come from strangers: they may ask for files and URLs, recurse, unpack to anything, or take for ever.
So no reference leaves a call, what callers wrote is a parameter and never SQL, and the work is done in processes that
see one folder and can be killed.
"""

from __future__ import annotations
