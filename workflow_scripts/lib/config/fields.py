"""Building blocks of the config models: strict numbers, optional values, closed sections."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def number_from_text(value: Any) -> Any:
    """Turn text that is a number into it: YAML 1.1 reads 1e-4 as text, and so does ``--config``."""
    if isinstance(value, str):
        for kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                continue
    return value


def whole_number_from_text(value: Any) -> Any:
    value = number_from_text(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def switch_from_text(value: Any) -> Any:
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def nothing_from_text(value: Any) -> Any:
    return None if isinstance(value, str) and value.lower() in ("null", "none", "~") else value


Real = Annotated[float, BeforeValidator(number_from_text)]
Whole = Annotated[int, BeforeValidator(whole_number_from_text)]
Switch = Annotated[bool, BeforeValidator(switch_from_text)]
Ratio = Annotated[Real, Field(ge=0, le=1)]
NotNegative = Annotated[Real, Field(ge=0)]
Positive = Annotated[Real, Field(gt=0)]
Seed = Annotated[Whole, Field(ge=0, lt=2**32)]  # what numpy takes
Count = Annotated[Whole, Field(ge=1)]
CountOrZero = Annotated[Whole, Field(ge=0)]
Size = Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?[KMGT]?B$")]
Text = Annotated[str, Field(min_length=1)]
Dtype = Literal["float32", "bfloat16", "float16"]
Encoding = Literal["utf-8", "gb18030"]


def optional(kind: Any) -> Any:
    return Annotated[kind | None, BeforeValidator(nothing_from_text)]


class Section(BaseModel):
    """A part of the config: closed, frozen and strict, without defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
