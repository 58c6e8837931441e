"""Files that are both complex and often changed."""

from __future__ import annotations

from collections import Counter

from members.code_analyzer.history import Churn, hotspots


def test_the_worst_file_is_complex_and_often_changed() -> None:
    counted = Churn(30, Counter({"often.py": 20, "both.py": 10, "gone.py": 30, "rare.py": 1, "data.json": 25}))
    found = hotspots(counted, {"often.py": 2, "both.py": 9, "rare.py": 50}, 2)
    assert found == [
        {"file": "both.py", "commits": 10, "complexity": 9, "score": 90},
        {"file": "rare.py", "commits": 1, "complexity": 50, "score": 50},
    ]
