"""The Code Analyzer: reads a stranger's code without ever trusting it, and says what it found.

```
service        the three tools and their shapes; `build` makes the member
settings       every limit, with what it costs to move it

analysis       analyze_repo from end to end: address → clone → tree → shards → report
  address        what a repository URL must be, and which addresses may be dialled (pure)
  git            the only command lines of git that are ever run
  clone          fetch one commit into a bare repository, watched while it grows
  tree           what that commit holds, by name and size, before anything is unpacked
  survey         a worker's share of the files: blobs in, figures and issues out
  metrics        one file measured: lines by pygount, functions by lizard
  report         figures of shards added up: percentages, complexity score, ordered issues (pure)

snippets       refactor and security_scan: what a snippet must be, which worker job does it
  refactoring    ruff and thresholds → suggestions, a diff
  scanning       bandit, rules and secrets → vulnerabilities, each named once

languages      what a language is called and which engines know it
python_lint    ruff        python_security  bandit        secrets_scan  detect-secrets
rules          ast-grep rules and bandit's texts, as data in `rules/*.yml`
findings       the shapes that leave this package, and their order
```

No file of a repository is ever written under its own name, and none is run: git unpacks nothing, workers read blobs
by their object id. Everything heavy is imported in worker processes only.
"""

from __future__ import annotations
