"""The papers, a package for each: its printed tables and, in a module `figures`, its figures.

A package has NAME, its name in commands; TABLES, all tables that it prints; DEFINITIONS, the
definitions of metrics that its text and its code have; and SUITE, the tables that `eval objective`
shows. New packages are found without a list of them.
"""

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType


def found() -> list[ModuleType]:
    """Imports and returns the packages of all papers."""
    return [
        import_module(f"{__name__}.{module.name}")
        for module in iter_modules(__path__)
        if module.ispkg
    ]


def with_figures() -> dict[str, str]:
    """Returns the modules that draw the figures of papers, by the name of the paper."""
    modules = {paper.NAME: f"{paper.__name__}.figures" for paper in found()}
    return {name: module for name, module in modules.items() if find_spec(module)}
