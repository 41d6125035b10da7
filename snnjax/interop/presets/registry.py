"""Where presets are listed: what each is, and the function that makes it."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from snnjax.cell import Cell
from snnjax.surrogate import Shape
from snnjax.surrogate import from_library as surrogate_of

LIBRARIES = {  # by the first word of a preset: what it is called, and which version
    "snntorch": ("snnTorch", "1.0.0"),
    "norse": ("Norse", "1.1.0"),
    "spikingjelly": ("SpikingJelly", "2.0.0"),
    "sinabs": ("sinabs", "3.1.3"),
    "spyx": ("Spyx", "1.0.0"),
    "jaxpike": ("jaxpike", "0.1.4"),
    "sparx": ("sparx (sparxml)", "0.1.1"),
    "stork": ("stork", "by its source"),
    "spytorch": ("SpyTorch", "by its tutorials"),
    "hxtorch": ("hxtorch", "by its source"),
    "slayer": ("SLAYER (lava-dl)", "by its source"),
    "mlgenn": ("mlGeNN", "by its source"),
    "nest": ("NEST", "3.10"),
}


class Described(NamedTuple):
    """What a preset stands for."""

    name: str
    library: str
    version: str  # the one that it was checked against
    of: str  # class or function there
    call: str  # with the parameters and defaults there, as far as they are taken here
    step: str  # one step in symbols; → is what is kept, sg() has no gradient
    clock: str  # "steps": dt of a run is not used; "seconds": it is
    surrogate: str  # by default, as snnjax.surrogate.from_library names it
    learned: tuple[str, ...]  # weights of the cell, or what options make so
    differs: str  # what to look out for

    def __str__(self) -> str:
        told = {
            "of": f"{self.of}, {self.library} {self.version}",
            "call": self.call,
            "step": self.step,
            "clock": self.clock,
            "surrogate": self.surrogate,
            "learned": ", ".join(self.learned) or "nothing",
            "differs": self.differs,
        }
        lines = (f"  {key:<10} {value}" for key, value in told.items() if value)
        return "\n".join((self.name, *lines))


class Preset(NamedTuple):
    """A preset in the list."""

    make: Callable[..., Cell]  # (n, surrogate, **parameters of the library)
    told: Described
    shape: str | None  # the default surrogate; None: ``make`` finds it
    unused: Mapping[str, str]  # parameters there that are refused here, and why
    sizes: tuple[str, ...]  # parameters there that say n again
    optional: tuple[str, ...]  # numbers that may be None

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """By name, as the library has them."""
        return dict(list(inspect.signature(self.make).parameters.items())[2:])

    def surrogate(self, given: Shape | None) -> Shape | None:
        """The one that is given, or the library's own."""
        if given is not None or self.shape is None:
            return given
        return surrogate_of(self.shape)


def _class_of(called):
    """The last word of ``"package.Class, OtherClass"``."""
    return called.split(",")[0].rpartition(".")[2]


PRESETS: dict[str, Preset] = {}
_REQUIRED = inspect.Parameter.empty


def preset(
    name: str,
    *,
    step: str,
    of: str | None = None,
    clock: str = "steps",
    shape: str | None = None,
    default: str | None = None,
    learned: tuple[str, ...] = (),
    differs: str = "",
    unused: Mapping[str, str] | None = None,
    sizes: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
) -> Callable[[Callable[..., Cell]], Callable[..., Cell]]:
    """Lists the function below under a name; see ``Described`` and ``Preset``."""

    def listed(make):
        library, version = LIBRARIES[name.partition(".")[0]]
        nothing: Any = None  # until it is worked out below
        found = Preset(make, nothing, shape, unused or {}, sizes, optional)
        told = (
            f"{key}" if p.default is _REQUIRED else f"{key}={p.default!r}"
            for key, p in found.parameters.items()
        )
        called = of or name
        described = Described(
            name=name,
            library=library,
            version=version,
            of=called,
            call=f"{_class_of(called)}({', '.join(told)})",
            step=step,
            clock=clock,
            surrogate=default or shape or "none, it does not fire",
            learned=learned,
            differs=differs,
        )
        PRESETS[name] = found._replace(told=described)
        return make

    return listed
