"""Writes the networks of a trained system as plain Keras files: `musegen export`.

The files have only Keras's own layers and draw no noise, so Keras opens them without musegen.
"""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from musegen import Error, files, registry
from musegen.commands import calls, choices, outputs
from musegen.music.layout import LOWEST_PITCH, TRACKS

LISTING = "parts.json"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("system", metavar="NAME", help=choices.system_help("parts"))
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FOLDER",
        help="folder to write to, made if it does not exist (default: the system's name and "
        "-keras, in this folder)",
    )  # fmt: skip


def run(args: Namespace) -> None:
    """Writes the networks of a system, and `parts.json`."""
    out = args.out or Path(f"{outputs.name(args.system)}-keras")
    files.check_folder(out, [registry.place(args.system)])
    if (out / registry.SYSTEM_FILE).exists() or (out / "config.json").exists():
        raise Error(f"{out}: holds a trained system or a run; choose another -o")
    networks = calls.open_system(args.system, "parts").parts()
    if out.is_dir():
        files.check([out / LISTING, *(out / f"{name}.keras" for name in networks)])
    parts = {name: write(out, name, *network) for name, network in networks.items()}
    facts = {"system": args.system, "tracks": TRACKS, "lowest_pitch": LOWEST_PITCH, "parts": parts}
    files.write_bytes(out / LISTING, (json.dumps(facts, indent=2) + "\n").encode())
    rows = {
        f"{name}.keras": (outputs.shapes(part["inputs"]), outputs.shapes(part["outputs"]))
        for name, part in parts.items()
    }
    print(outputs.table(rows, ("takes", "gives")))
    listing = files.shown(out / LISTING)
    print(f"{listing} says what each takes and gives; keras.saving.load_model opens them")


def write(out: Path, name: str, network: Any, words: str) -> dict:
    """Writes one network and returns its entry for `parts.json`.

    Args:
        out: folder to write to.
        name: name of the network.
        network: Keras model.
        words: description of the network.
    """
    from musegen.saving import NoStockForm, stock

    try:
        plain = stock(network, expand=True)
    except NoStockForm as error:
        raise Error(f"{name}: cannot be written with Keras's own layers ({error})") from None
    with files.replacing(out / f"{name}.keras") as partial:
        plain.save(partial)
    return {
        "what": words,
        "inputs": {tensor.name: list(tensor.shape[1:]) for tensor in plain.inputs},
        "outputs": {
            tensor_name: list(tensor.shape[1:])
            for tensor_name, tensor in zip(plain.output_names, plain.outputs, strict=True)
        },
        "parameters": plain.count_params(),
    }
