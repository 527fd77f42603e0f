"""Describes the systems, their networks and this installation: `musegen info`."""

import json
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from musegen import Error, registry
from musegen.commands import outputs
from musegen.commands.choices import integer
from musegen.environment import describe, import_keras
from musegen.saving import load_model

if TYPE_CHECKING:
    import keras

STEPS = 48  # default number of steps in a bar


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "system", nargs="?", metavar="NAME",
        help="name of a system, or name or folder of a trained one (default: all systems)",
    )  # fmt: skip
    parser.add_argument("--preset", metavar="P", help="preset of the system (default: its first)")
    parser.add_argument(
        "--steps", type=integer(4, 384), metavar="N",
        help=f"steps in the bars that its networks take (default: {STEPS}, or those of the system)",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true",
        help="print JSON; shapes are those of one example, without the batch axis",
    )  # fmt: skip


def run(args: Namespace) -> None:
    """Prints the networks of one system, or all systems and versions."""
    if args.system:
        if args.system not in registry.catalogue() and registry.is_trained(args.system):
            if args.preset or args.steps:
                raise Error(f"{args.system}: is trained, so --preset and --steps have no effect")
            facts = trained_networks(args.system)
        else:
            facts = networks(args.system, args.preset, args.steps)
        print(json.dumps(facts, indent=2) if args.json else _networks_table(facts))
        return
    if args.preset or args.steps:
        raise Error("--preset and --steps need the name of a system: add it")
    facts = describe()
    if not args.json:
        packages = facts.pop("packages")
        versions = {name: value or "not installed" for name, value in {**facts, **packages}.items()}
        print(*_lines(versions), sep="\n")
    facts |= installed()
    print(json.dumps(facts, indent=2) if args.json else _systems_table(facts))


def installed() -> dict:
    """Returns the systems with summary and presets, and the folders of the trained ones."""
    return {
        "systems": {
            name: {"summary": entry.summary, "presets": list(entry.presets)}
            for name, entry in registry.catalogue().items()
        },
        "pretrained": {name: str(folder) for name, folder in registry.pretrained().items()},
    }


def networks(name: str, preset: str | None = None, n_steps: int | None = None) -> dict:
    """Returns the shapes and parameter counts of the networks of a system, and of their parts.

    Args:
        name: name of the system.
        preset: preset to build; by default the first one.
        n_steps: number of steps in a bar; by default that of the system, or 48.
    """
    if n_steps and n_steps % 4:
        raise Error(f"--steps {n_steps}: a bar has four beats; give a multiple of 4")
    systems = registry.catalogue()
    if name not in systems:
        raise Error(
            f"there is no system {name!r}; there are {', '.join(systems)}, and trained "
            f"{', '.join(registry.pretrained())}"
        )
    entry = systems[name]
    preset = preset or entry.presets[0]
    if preset not in entry.presets:
        raise Error(f"{name} has no preset {preset!r}; choose {', '.join(entry.presets)}")
    if n_steps and entry.music != "phrases":
        raise Error(f"--steps {n_steps}: {name} takes notes, and no bars; leave it out")
    if entry.n_steps and n_steps and n_steps != entry.n_steps:
        raise Error(f"--steps {n_steps}: the bars of {name} have {entry.n_steps} steps")
    import_keras()
    models = entry.networks(preset, n_steps or entry.n_steps or STEPS)
    return {"name": name, "preset": preset, **_facts(models)}


def trained_networks(what: str) -> dict:
    """Returns the same facts about the networks of a trained system, given its name or folder."""
    folder = registry.place(what)
    with registry.described(folder) as description:
        facts = {"name": what, "system": description["system"], "preset": description["preset"]}
    import_keras()
    return facts | _facts([load_model(file) for file in sorted(folder.glob("*.keras"))])


def _facts(models: Sequence["keras.Model"]) -> dict:
    """Returns the parameter count of networks, and rows for each and for its parts."""
    return {
        "params": sum(model.count_params() for model in models),
        "models": [row for model in models for row in _rows(model)],
    }


def _rows(model: "keras.Model", parent: str | None = None) -> list[dict]:
    """Returns a row for a network, followed by rows for the networks that are layers of it."""
    import keras

    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    row = {
        "name": model.name,
        "inputs": [list(tensor.shape[1:]) for tensor in model.inputs],
        "outputs": [list(tensor.shape[1:]) for tensor in model.outputs],
        "params": model.count_params(),
        "trainable_params": trainable,
    }
    if parent:
        row["part_of"] = parent
    parts = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return [row, *(part_row for part in parts for part_row in _rows(part, model.name))]


def _networks_table(facts: dict) -> str:
    """Formats what `networks` returns as text."""
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
    trained = f", trained {facts['system']}" if "system" in facts else ""
    title = f"{facts['name']}{trained}, preset {facts['preset']}: {facts['params']:,} parameters"
    return f"{title}\n\n{outputs.table(rows, columns)}"


def _shapes(shapes: list[list]) -> str:
    return ", ".join(" x ".join(map(str, shape)) for shape in shapes)


def _systems_table(facts: dict) -> str:
    """Formats what `installed` returns as text."""
    described = {
        name: f"{system['summary']} ({', '.join(system['presets'])})"
        for name, system in facts["systems"].items()
    }
    trained = _lines(facts["pretrained"])
    title = "trained:" if trained else "trained: none is installed"
    return "\n".join(["", *_lines(described), "", title, *trained])


def _lines(values: dict[str, str]) -> list[str]:
    """Returns a line for each name and its value, the values below one another."""
    width = max(map(len, values), default=0) + 2
    return [f"{name:<{width}}{value}" for name, value in values.items()]
