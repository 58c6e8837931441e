"""Where the project's own supply comes from and what must not leave with it: `python -m ops.supply leaks|audit|sbom`.

lock     what uv.lock says
leaks    secrets in the files that are under version control
audit    known vulnerabilities of what is locked
sbom     the list of what is locked, as CycloneDX
"""
