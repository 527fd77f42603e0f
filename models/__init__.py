"""The models of all systems. After `import musegen.models` Keras opens every file of musegen.

The import registers the layers of musegen with Keras: at once if Keras is loaded already, else when
Keras is imported. So `musegen.models.catalogue` can be read without Keras.
"""

import sys
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from pkgutil import iter_modules

from musegen.models import layers


def register_layers() -> None:
    """Imports every module of layers, which registers its layers."""
    for module in iter_modules(layers.__path__, f"{layers.__name__}."):
        import_module(module.name)


class _AfterKeras(MetaPathFinder):
    """An import hook that registers the layers after the import of Keras."""

    def find_spec(self, name, path=None, target=None):
        if name != "keras":
            return None
        sys.meta_path.remove(self)
        spec = find_spec("keras")
        if spec:
            execute = spec.loader.exec_module

            def execute_and_register(module):
                execute(module)
                register_layers()

            spec.loader.exec_module = execute_and_register
        return spec


if "keras" in sys.modules:
    register_layers()
else:
    sys.meta_path.insert(0, _AfterKeras())
