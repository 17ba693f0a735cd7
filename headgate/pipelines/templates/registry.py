"""Every template: `TEMPLATE` of each file of this package."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from headgate.pipelines import templates as package
from headgate.pipelines.templates.template import Template


@cache
def templates() -> Mapping[str, Template]:
    """The templates by name."""
    modules = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    found = (vars(importlib.import_module(module.name)).get("TEMPLATE") for module in modules)
    return {each.name: each for each in found if isinstance(each, Template)}
