"""Declarations of settings: labels, meanings and ranges, once for Python, commands, server and page."""

from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from vulneuron.errors import MeasureError, did_you_mean
from vulneuron.measures.choices import Choice

Kind = Literal["choice", "integer", "number"]
Value = str | float | int | None


@dataclass(frozen=True, eq=False)
class Setting:
    """Declaration of a setting, in the annotation of its field: ``Annotated[int, Integer(...)]``.

    It also validates values; an invalid one raises a `MeasureError`.

    Parameters
    ----------
    label
        A few words for forms.
    meaning
        One sentence, with a period.
    choices
        Allowed values of a choice; suggested values of a number.
    null
        Meaning of None in a few words, if it is allowed.
    """

    label: str
    meaning: str
    choices: Mapping[Any, Choice] = field(default_factory=dict)
    _: KW_ONLY
    null: str | None = None

    kind: ClassVar[Kind]

    @property
    @abstractmethod
    def allowed(self) -> str:
        """The allowed values in words."""

    @abstractmethod
    def allows(self, value: Any) -> bool:
        """Whether a value of the right type is allowed."""

    @property
    @abstractmethod
    def json_schema(self) -> dict[str, Any]:
        """Keywords of its JSON schema."""

    def error(self, name: str, value: object) -> MeasureError:
        """Error for a value that is not allowed."""
        null = "" if self.null is None else f", or nothing for {self.null}"
        fix = did_you_mean(str(value), [str(one) for one in self.choices]) or f"choose another {name}"
        return MeasureError(f"given {name} = {value!r}", allowed=f"{self.allowed}{null}", fix=fix)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate values by the declaration."""

        def validate(
            value: object, inner: core_schema.ValidatorFunctionWrapHandler, info: core_schema.ValidationInfo
        ) -> object:
            name = str(info.field_name)
            try:
                converted = inner(value)
            except ValidationError:
                raise self.error(name, value) from None
            if converted is not None and not self.allows(converted):
                raise self.error(name, value)
            return converted

        return core_schema.with_info_wrap_validator_function(validate, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe the setting in OpenAPI."""
        return {**handler(schema), **self.json_schema, "description": self.meaning}


@dataclass(frozen=True, eq=False)
class OneOf(Setting):
    """A setting whose values are words: the keys of `choices`."""

    kind: ClassVar[Kind] = "choice"

    @property
    def allowed(self) -> str:
        """The words."""
        return ", ".join(self.choices)

    def allows(self, value: Any) -> bool:
        """Whether it is one of the words."""
        return value in self.choices

    @property
    def json_schema(self) -> dict[str, Any]:
        """The words; null is one of them where it is allowed."""
        words = list(self.choices)
        return {"enum": words if self.null is None else [*words, None]}


@dataclass(frozen=True, eq=False)
class Number(Setting):
    """A setting whose values are finite numbers.

    Parameters
    ----------
    at_least, above, at_most, below
        Bounds of the range; `above` and `below` are exclusive.
    """

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    kind: ClassVar[Kind] = "number"

    @property
    def allowed(self) -> str:
        """The range."""
        ends = {
            "from {:g}": self.at_least,
            "above {:g}": self.above,
            "up to {:g}": self.at_most,
            "below {:g}": self.below,
        }
        words = [text.format(end) for text, end in ends.items() if end is not None]
        return " ".join([self._noun, " and ".join(words)]).strip()

    def allows(self, value: Any) -> bool:
        """Whether it is within the range."""
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )

    @property
    def json_schema(self) -> dict[str, Any]:
        """The range."""
        ends = {
            "minimum": self.at_least,
            "exclusiveMinimum": self.above,
            "maximum": self.at_most,
            "exclusiveMaximum": self.below,
        }
        return {keyword: end for keyword, end in ends.items() if end is not None}

    @property
    def _noun(self) -> str:
        return "a number"


@dataclass(frozen=True, eq=False)
class Integer(Number):
    """A setting whose values are integers.

    Parameters
    ----------
    multiple_of
        Step between its values.
    """

    multiple_of: int = 1

    kind: ClassVar[Kind] = "integer"

    def allows(self, value: Any) -> bool:
        """Whether it is within the range, and a multiple of the step."""
        return super().allows(value) and value % self.multiple_of == 0

    @property
    def json_schema(self) -> dict[str, Any]:
        """Range and step."""
        step = {} if self.multiple_of == 1 else {"multipleOf": self.multiple_of}
        return super().json_schema | step

    @property
    def _noun(self) -> str:
        return "an integer" if self.multiple_of == 1 else f"a multiple of {self.multiple_of}"


class SettingsGroup(BaseModel):
    """Base of the groups of settings: frozen, hashable, and every field declares a `Setting`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, json_schema_serialization_defaults_required=True
    )

    @classmethod
    def declared(cls) -> dict[str, Setting]:
        """Declarations of all settings of the group by name."""
        return {
            name: next(part for part in info.metadata if isinstance(part, Setting))
            for name, info in cls.model_fields.items()
        }

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, values: Any) -> Any:
        if cls.model_config.get("extra") == "forbid" and isinstance(values, Mapping):
            check_names(values, cls.model_fields)
        return values


def check_names(names: Collection[str], known: Collection[str]) -> None:
    """Refuse a setting that does not exist.

    Raises
    ------
    MeasureError
        If a name is not one of the known ones.
    """
    for name in names:
        if name not in known:
            raise MeasureError(
                f"given the setting {name!r}",
                allowed=", ".join(known),
                fix=did_you_mean(str(name), known) or "choose one of these settings",
            )
