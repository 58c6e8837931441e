"""The one place where pydantic's findings become a federation error that names the field and the limit."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bus.errors import InvalidRequest, Refused

Model = TypeVar("Model", bound=BaseModel)
MAX_PROBLEMS = 10


def validated(model: type[Model], value: Any) -> Model:
    """`value` as `model`. Raises InvalidRequest with every offending field (the first ten)."""
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        raise explained(exc) from exc


def explained(exc: ValidationError, kind: type[Refused] = InvalidRequest) -> Refused:
    """`exc` as a refusal: one sentence, and `details.problems` as `{"field", "problem"}` each."""
    problems = [_problem(error) for error in exc.errors(include_url=False, include_context=False, include_input=False)]
    shown = problems[:MAX_PROBLEMS]
    text = "; ".join(f"{p['field']}: {p['problem']}" for p in shown[:3])
    return kind(text + _more(len(problems) - 3), details={"problems": shown})


def _problem(error: Any) -> dict[str, str]:
    where = ".".join(str(part) for part in error["loc"]) or "body"
    text = str(error["msg"]).removeprefix("Value error, ")
    return {"field": where, "problem": text}


def _more(count: int) -> str:
    return f" (and {count} more)" if count > 0 else ""
