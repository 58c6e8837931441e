"""The Code Analyzer: reads a stranger's code without ever trusting it, and says what it found.

```
service        the four tools and their shapes; `build` makes the member
settings       every limit, with what it costs to move it

analysis       analyze_repo and scan_repo from end to end: address → commit → cache, or clone → tree → shares → report
  address        what a repository URL must be, and which addresses may be dialled (pure)
  refs           which commit a caller means (pure)
  git            the only command lines of git that are ever run
  clone          ask a server for a commit, fetch it into a bare repository, watched while it grows
  local          a folder of this machine: below allowed roots only, never through a link
  sources        either of them, ready to be read
  tree           what is in there, by name and size, before anything is unpacked
  sharing        the files shared out among the workers
  cache          answers about unchanged commits
  history        commits × complexity: hotspots
  licence        is there one (pure)
  report         figures of shares added up: percentages, complexity score, ordered issues (pure)
  repository_scan  what scan_repo answers (pure)

survey         in a worker: contents in, each file examined once
  measuring      for analyze_repo: lines, functions, issues
  searching      for scan_repo: weaknesses
  linecount      lines by one regular expression for each language    metrics  pygount for the rest
  python_functions  Python's functions from its syntax tree    token_functions  lizard's readers for the rest
  dead_code      unused names, unreachable statements    structure  questions to syntax trees
  clones         code that stands twice
  weaknesses     rules, ruff's security rules and secrets, file by file

snippets       refactor and security_scan: what a snippet must be, which worker job does it
  refactoring    ruff, structural rules and thresholds → suggestions, a diff
  restructuring  ast-grep rules with a fix
  scanning       bandit, rules and secrets → vulnerabilities, each named once

languages      what a language is called and which engines know it
python_lint    ruff        python_security  bandit        secrets_scan  detect-secrets
rules          ast-grep rules        wording  bandit's tests in our words
findings       the shapes that leave this package, and their order
```

Knowledge is data: `rules/` and `fixes/` are ast-grep's, `texts/` holds syntaxes, dead code and words. No file of a
repository is ever written under its own name, and none is run: git unpacks nothing, workers read blobs by their object
id. Everything heavy is imported in worker processes only.
"""

from __future__ import annotations
