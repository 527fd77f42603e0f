"""One package a paper: its printed tables and, in its module `figures`, its figures.

A package has NAME, by which the commands know it, TABLES, all that it prints, and SUITE, those that
`eval objective` shows. Packages are found, not listed: a new one needs no other file.
"""

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType


def found() -> list[ModuleType]:
    """The packages of all papers."""
    return [
        import_module(f"{__name__}.{module.name}")
        for module in iter_modules(__path__)
        if module.ispkg
    ]


def with_figures() -> dict[str, str]:
    """The papers that have figures: name, and the module that draws them."""
    modules = {paper.NAME: f"{paper.__name__}.figures" for paper in found()}
    return {name: module for name, module in modules.items() if find_spec(module)}
