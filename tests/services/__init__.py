"""The page that shows the three services at work: docs/services.md."""
