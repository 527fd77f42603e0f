"""The systems and their networks, and what this installation is: `musegen info`."""

import json
import math
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from musegen import Error, registry
from musegen.commands import outputs
from musegen.commands.choices import whole
from musegen.environment import describe, import_keras

if TYPE_CHECKING:
    import keras

STEPS = 48


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", nargs="?", metavar="NAME", help="a system; without one all")
    parser.add_argument("--preset", metavar="P", help="its settings (default: the first it has)")
    parser.add_argument(
        "--steps", type=whole(4, 384), metavar="N",
        help=f"steps of the bars that its networks take (default: {STEPS}, of MuseGAN 96)",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true",
        help="print JSON; a shape in it is that of one example, without the batch",
    )  # fmt: skip


def run(args: Namespace) -> None:
    if args.system:
        facts = networks(args.system, args.preset, args.steps)
        print(json.dumps(facts, indent=2) if args.json else _networks_table(facts))
        return
    if args.preset or args.steps:
        raise Error("--preset and --steps are of one system: name it")
    facts = describe()
    if not args.json:
        packages = facts.pop("packages")
        told = {name: value or "not installed" for name, value in {**facts, **packages}.items()}
        print(*_lines(told), sep="\n")
    facts |= installed()
    print(json.dumps(facts, indent=2) if args.json else _systems_table(facts))


def installed() -> dict:
    """The systems by name, with summary and presets, and where trained ones stand."""
    return {
        "systems": {
            name: {"summary": entry.summary, "presets": list(entry.presets)}
            for name, entry in registry.catalogue().items()
        },
        "pretrained": {name: str(folder) for name, folder in registry.pretrained().items()},
    }


def networks(name: str, preset: str | None = None, n_steps: int | None = None) -> dict:
    """Shapes and parameters of the networks of a system, and of the halves that they consist of."""
    if n_steps and n_steps % 4:
        raise Error(f"--steps {n_steps}: a bar has four beats, so give a multiple of 4")
    systems = registry.catalogue()
    if name not in systems:
        raise Error(f"there is no system {name!r}; there are {', '.join(systems)}")
    entry = systems[name]
    preset = preset or entry.presets[0]
    if preset not in entry.presets:
        raise Error(f"{name} has no preset {preset!r}; choose {', '.join(entry.presets)}")
    if entry.n_steps and n_steps and n_steps != entry.n_steps:
        raise Error(f"--steps {n_steps}: the bars of {name} have {entry.n_steps} steps")
    import_keras()
    models = entry.networks(preset, n_steps or entry.n_steps or STEPS)
    return {
        "name": name,
        "preset": preset,
        "params": sum(model.count_params() for model in models),
        "models": [row for model in models for row in _rows(model)],
    }


def _rows(model: "keras.Model", whole: str | None = None) -> list[dict]:
    """One network, and below it the networks that are layers of it."""
    import keras

    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    row = {
        "name": model.name,
        "inputs": [list(tensor.shape[1:]) for tensor in model.inputs],
        "outputs": [list(tensor.shape[1:]) for tensor in model.outputs],
        "params": model.count_params(),
        "trainable_params": trainable,
    }
    if whole:
        row["part_of"] = whole
    halves = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return [row, *(own for half in halves for own in _rows(half, model.name))]


def _networks_table(facts: dict) -> str:
    columns = ("takes", "gives", "parameters", "trainable")
    rows = {}
    for model in facts["models"]:
        label = f"  {model['name']}" if "part_of" in model else model["name"]
        rows[label] = (
            _shapes(model["inputs"]),
            _shapes(model["outputs"]),
            f"{model['params']:,}",
            f"{model['trainable_params']:,}",
        )
    title = f"{facts['name']}, preset {facts['preset']}: {facts['params']:,} parameters"
    return f"{title}\n\n{outputs.table(rows, columns)}"


def _shapes(shapes: list[list]) -> str:
    return ", ".join(" x ".join(map(str, shape)) for shape in shapes)


def _systems_table(facts: dict) -> str:
    described = {
        name: f"{system['summary']} ({', '.join(system['presets'])})"
        for name, system in facts["systems"].items()
    }
    trained = _lines(facts["pretrained"])
    title = "trained:" if trained else "trained: none is installed"
    return "\n".join(["", *_lines(described), "", title, *trained])


def _lines(told: dict[str, str]) -> list[str]:
    """Names and what is said of them, one below the other."""
    width = max(map(len, told), default=0) + 2
    return [f"{name:<{width}}{value}" for name, value in told.items()]
