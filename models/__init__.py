"""The systems. After `import musegen.models` plain Keras opens every file of ours.

For that our layers are registered with Keras: at once where it is loaded, else as soon as it is.
Thus `musegen.models.catalogue` can be read without Keras.
"""

import sys
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from pkgutil import iter_modules

from musegen.models import layers


def register_layers() -> None:
    """Imports every module of layers; each registers its own."""
    for module in iter_modules(layers.__path__, f"{layers.__name__}."):
        import_module(module.name)


class _AfterKeras(MetaPathFinder):
    """Registers the layers when somebody has imported Keras."""

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
