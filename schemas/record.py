"""Classes of attrs that cost a tenth of attrs' own when a program starts.

`define`, `frozen`, `field` and `evolve` are attrs' own for type checkers, and the classes are as attrs makes them. But
attrs compiles each method of a class when the class is made, and its import alone takes a tenth of a first call by
httpx. Here `__init__`, `__eq__` and `__hash__` are compiled when they are first used, the other methods are shared by
all classes, and attrs is imported only when somebody asks a class for `__attrs_attrs__`, as attrs.fields and cattrs do.
Names of locals and globals in compiled methods begin with an underscore, which no parameter does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from inspect import get_annotations
from reprlib import recursive_repr
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from attrs import define as define
    from attrs import evolve as evolve
    from attrs import field as field
    from attrs import frozen as frozen

_SETTINGS = {"default", "factory", "repr", "eq", "hash", "init", "kw_only", "converter", "validator", "alias"}
_CLASS_VARIABLE = ("ClassVar", "typing.ClassVar")


class _Nothing:
    """The value of an argument that was not given."""

    def __repr__(self) -> str:
        return "NOTHING"


_NOTHING: Any = _Nothing()


class RecordField:
    """One field of a class.

    settings: the arguments of `field(...)`.
    preset: the default; `_NOTHING` without one.
    factory: makes the default, of the object where it is a `method`.
    """

    __slots__ = ("alias", "factory", "init", "kw_only", "method", "name", "preset", "repr", "settings", "validators")

    def __init__(self, **settings: Any) -> None:
        if not settings.keys() <= _SETTINGS:
            raise TypeError(f"a field has no {', '.join(sorted(settings.keys() - _SETTINGS))}")
        self.settings = settings
        self.name = ""
        self.alias: str = settings.get("alias", "")
        self.preset = settings.get("default", _NOTHING)
        self.factory: Callable[..., Any] | None = settings.get("factory")
        self.method = False
        self.init: bool = settings.get("init", True)
        self.kw_only: bool = settings.get("kw_only", False)
        self.repr: Any = settings.get("repr", True)
        given = settings.get("validator")
        self.validators: tuple[Callable[..., Any], ...] = () if given is None else (given,)

    def validator(self, check: Callable[..., Any]) -> Callable[..., Any]:
        """Add a validator, a method `(self, attribute, value)`; to be used as a decorator."""
        self.validators = (*self.validators, check)
        return check

    def default(self, make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Set the method that makes the default; to be used as a decorator."""
        self.factory, self.method = make, True
        return make

    def of_attrs(self) -> Any:
        """Return it as `attrs.field` makes it."""
        import attrs  # heavy: only where attrs itself is asked

        made: Any = attrs.field(**{**self.settings, "kw_only": self.kw_only, "validator": [*self.validators]})
        if self.method:
            made.default(self.factory)
        return made


class _OnFirstUse:
    """A method that is made, and put in the place of this object, when it is first looked up."""

    __slots__ = ("cls", "make", "name")

    def __init__(self, name: str, make: Callable[[Any], Any]) -> None:
        self.name, self.make = name, make
        self.cls: Any = None

    def __get__(self, instance: object, owner: type) -> Any:
        made = self.make(self.cls)
        setattr(self.cls, self.name, made)
        return made.__get__(instance, owner) if isinstance(made, FunctionType) else made


def _define(
    cls: type | None = None,
    *,
    frozen: bool = False,
    slots: bool = True,
    kw_only: bool = False,
    init: bool = True,
    repr: bool = True,
    eq: bool = True,
    hash: bool | None = None,
    on_setattr: object = None,
) -> Any:
    """Make a class, or a decorator that does; the arguments are those of attrs.define."""
    if cls is None:
        settings: dict[str, Any] = {"slots": slots, "kw_only": kw_only, "init": init, "eq": eq, "hash": hash}
        return lambda cls: _define(cls, frozen=frozen, repr=repr, on_setattr=on_setattr, **settings)
    own = _own_fields(cls, kw_only)
    base: Any = next((base for base in cls.__mro__[1:] if "__record_fields__" in base.__dict__), None)
    inherited: tuple[RecordField, ...] = () if base is None else base.__record_fields__
    frozen = frozen or (base is not None and base.__setattr__ is _refuse)
    if not frozen and on_setattr is None and any(each.validators or "converter" in each.settings for each in own):
        raise TypeError(f"{cls.__name__} needs on_setattr=[]: what is assigned later is neither converted nor checked")
    body = dict(cls.__dict__)
    for name in ("__dict__", "__weakref__", *(each.name for each in own)):
        body.pop(name, None)
    named = {each.name for each in own}
    every = (*[each for each in inherited if each.name not in named], *own)
    late: dict[str, Callable[[Any], Any]] = {"__attrs_attrs__": _attributes}
    late["__init__" if init and "__init__" not in body else "__attrs_init__"] = _initializer
    if eq and "__eq__" not in body:
        late["__eq__"] = _equality
        if frozen and hash is None and "__hash__" not in body:
            late["__hash__"] = _hashing
        elif hash is False and not slots:
            body["__hash__"] = cls.__hash__
    if repr:
        body.setdefault("__repr__", _shown)
    if frozen:
        body["__setattr__"] = body["__delattr__"] = _refuse
    if slots:
        body |= _slotted(cls, every)
    body["__record_fields__"] = every
    body["__match_args__"] = tuple([each.name for each in every if each.init and not each.kw_only])
    body.setdefault("__replace__", _evolve)
    return _made(cls, body, [_OnFirstUse(name, make) for name, make in late.items()])


def _own_fields(cls: type, kw_only: bool) -> list[RecordField]:
    """Return the fields that the body of a class declares."""
    found = []
    for name, hint in get_annotations(cls).items():
        if hint.startswith(_CLASS_VARIABLE):
            continue
        value = cls.__dict__.get(name, _NOTHING)
        one = (
            value if type(value) is RecordField else RecordField() if value is _NOTHING else RecordField(default=value)
        )
        one.name, one.alias = name, one.alias or name.lstrip("_")
        one.kw_only = one.kw_only or kw_only
        found.append(one)
    return found


def _slotted(cls: type, fields: tuple[RecordField, ...]) -> dict[str, Any]:
    """Return what a class with slots has more in its body."""
    bases = cls.__mro__[1:]
    taken = {name for base in bases for name in base.__dict__.get("__slots__", ())}
    slots = [each.name for each in fields if each.name not in taken]
    if not any("__weakref__" in base.__dict__ for base in bases):
        slots.append("__weakref__")
    pickled = {} if {"__getstate__", "__setstate__"} & cls.__dict__.keys() else _PICKLED
    return {"__slots__": tuple(slots), **pickled}


def _made(cls: type, body: dict[str, Any], late: list[_OnFirstUse]) -> type:
    """Make the class anew of this body, and let functions that say `super()` or `__class__` mean the new one."""
    made = type(cls)(cls.__name__, cls.__bases__, body | {each.name: each for each in late})
    for each in late:
        each.cls = made
    for value in body.values():
        kind = type(value)
        function = value.__func__ if kind in (classmethod, staticmethod) else value.fget if kind is property else value
        if type(function) is FunctionType and "__class__" in function.__code__.co_freevars:
            function.__closure__[function.__code__.co_freevars.index("__class__")].cell_contents = made  # type: ignore[index]
    return made


def _compiled(cls: type, name: str, lines: list[str], names: dict[str, Any]) -> Any:
    """Compile a method from the lines of its source."""
    code = compile("\n".join(lines), f"<generated methods {cls.__module__}.{cls.__qualname__}>", "exec")
    exec(code, names)
    method = names[name]
    method.__qualname__, method.__module__ = f"{cls.__qualname__}.{name}", cls.__module__
    return method


def _initializer(cls: Any) -> Any:
    fields: tuple[RecordField, ...] = cls.__record_fields__
    put, first = _assignment(cls)
    names: dict[str, Any] = {"_NOTHING": _NOTHING, "_bind": object.__setattr__.__get__}
    lines = []
    for at, each in enumerate(fields):
        names |= {f"_default_{at}": each.preset, f"_factory_{at}": each.factory}
        value = each.alias if each.init else f"_default_{at}"
        if each.factory is not None:
            call = f"_factory_{at}({'self' if each.method else ''})"
            value = f"{call} if {value} is _NOTHING else {value}" if each.init else call
        elif not each.init and each.preset is _NOTHING:
            continue
        if (convert := each.settings.get("converter")) is not None:
            names[f"_convert_{at}"], value = convert, f"_convert_{at}({value})"
        lines.append(put.format(name=each.name, value=value))
    for at, each in enumerate(fields):
        for number, check in enumerate(each.validators):
            names |= {f"_field_{at}": each, f"_check_{at}_{number}": check}
            lines.append(f"    _check_{at}_{number}(self, _field_{at}, self.{each.name})")
    if hasattr(cls, "__attrs_post_init__"):
        lines.append("    self.__attrs_post_init__()")
    head = f"def __init__({', '.join(_parameters(fields))}):"
    made = _compiled(cls, "__init__", [head, *first, *(lines or ["    pass"])], names)
    hints = {name: hint for base in reversed(cls.__mro__[:-1]) for name, hint in get_annotations(base).items()}
    made.__annotations__ = {**{each.alias: hints[each.name] for each in fields if each.init}, "return": None}
    return made


def _assignment(cls: Any) -> tuple[str, list[str]]:
    """Return the line that assigns a field, as fast as the class allows, and the lines that it needs before it."""
    if cls.__setattr__ is not _refuse:
        return "    self.{name} = {value}", []
    if "__slots__" in cls.__dict__:
        return "    _put('{name}', {value})", ["    _put = _bind(self)"]
    return "    _values['{name}'] = {value}", ["    _values = self.__dict__"]


def _parameters(fields: tuple[RecordField, ...]) -> Iterator[str]:
    """Write the parameters of `__init__`, those that are given by name at the end."""
    yield "self"
    for by_name in (False, True):
        of_kind = [(at, each) for at, each in enumerate(fields) if each.init and each.kw_only is by_name]
        if by_name and of_kind:
            yield "*"
        for at, each in of_kind:
            default = "" if each.preset is _NOTHING else f"=_default_{at}"
            yield each.alias + ("=_NOTHING" if each.factory is not None else default)


def _equality(cls: Any) -> Any:
    names: dict[str, Any] = {}
    pairs = []
    for at, each in enumerate(cls.__record_fields__):
        compared = each.settings.get("eq", True)
        if callable(compared):
            names[f"key_{at}"] = compared
            pairs.append(f"key_{at}(self.{each.name}) == key_{at}(other.{each.name})")
        elif compared:
            pairs.append(f"self.{each.name} == other.{each.name}")
    lines = [
        "def __eq__(self, other):",
        "    if other.__class__ is not self.__class__:",
        "        return NotImplemented",
    ]
    return _compiled(cls, "__eq__", [*lines, f"    return {' and '.join(pairs) or True}"], names)


def _hashing(cls: Any) -> Any:
    hashed = [each for each in cls.__record_fields__ if each.settings.get("hash", each.settings.get("eq", True))]
    values = "".join(f", self.{each.name}" for each in hashed)
    return _compiled(cls, "__hash__", ["def __hash__(self):", f"    return hash((cls{values},))"], {"cls": cls})


def _attributes(cls: Any) -> Any:
    """Return what attrs.fields does: attrs makes a class of the same fields."""
    import attrs  # heavy: only where attrs itself is asked

    hints = get_annotations(cls)
    body = {each.name: each.of_attrs() for each in cls.__record_fields__ if each.name in hints}
    bases = tuple([base for base in cls.__bases__ if hasattr(base, "__attrs_attrs__")])
    copy = type(cls.__name__, bases, {"__module__": cls.__module__, "__annotations__": hints, **body})
    made: Any = attrs.define(copy, frozen=True, slots=False, eq=False, repr=False, init=False)
    return made.__attrs_attrs__


@recursive_repr("...")
def _shown(self: Any) -> str:
    shown = []
    for each in self.__record_fields__:
        if each.repr is not False:
            value = getattr(self, each.name, _NOTHING)
            shown.append(f"{each.name}={value!r}" if each.repr is True else f"{each.name}={each.repr(value)}")
    return f"{self.__class__.__qualname__.rsplit('>.', 1)[-1]}({', '.join(shown)})"


def _refuse(self: object, *_: object) -> NoReturn:
    from attrs.exceptions import FrozenInstanceError  # heavy: only where it is raised

    raise FrozenInstanceError


def _state(self: Any) -> dict[str, Any]:
    return {each.name: getattr(self, each.name) for each in self.__record_fields__}


def _restore(self: Any, state: Mapping[str, Any]) -> None:
    put = object.__setattr__.__get__(self)
    for each in self.__record_fields__:
        if each.name in state:
            put(each.name, state[each.name])


_PICKLED: Mapping[str, Any] = {"__getstate__": _state, "__setstate__": _restore}


def _evolve(self: Any, /, **changes: Any) -> Any:
    """Return a copy with other values of some fields."""
    cls = self.__class__
    if "__record_fields__" not in cls.__dict__:
        import attrs  # heavy: for a class of attrs' own

        return attrs.evolve(self, **changes)
    for each in cls.__record_fields__:
        if each.init and each.alias not in changes:
            changes[each.alias] = getattr(self, each.name)
    return cls(**changes)


def has_fields(cls: type) -> bool:
    """Return whether it is a class of this module, or one that attrs has made."""
    return "__record_fields__" in cls.__dict__ or hasattr(cls, "__attrs_attrs__")


def unusual_fields(value: Any) -> list[tuple[Any, Any]]:
    """Return the fields of an object that differ from their defaults: each with its value."""
    fields = value.__class__.__dict__.get("__record_fields__")
    if fields is not None:
        pairs = [(each, each.preset, getattr(value, each.name)) for each in fields]
    else:
        pairs = [(each, each.default, getattr(value, each.name)) for each in value.__class__.__attrs_attrs__]
    return [(each, is_now) for each, preset, is_now in pairs if is_now != preset]


def field_names(cls: Any) -> list[str]:
    """Return the names of a class's fields."""
    return [each.name for each in cls.__record_fields__]


if not TYPE_CHECKING:
    define, field, evolve = _define, RecordField, _evolve

    def frozen(cls=None, **settings):
        """Make a class as attrs.frozen does."""
        return _define(cls, frozen=True, **settings)
