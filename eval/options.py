"""The options that several evaluations share."""

from argparse import ArgumentParser

SPLITS = ("train", "val", "test")


def add_split(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--split", choices=SPLITS, metavar="NAME",
        help=f"the shards of which a system restores phrases, {', '.join(SPLITS)} (default: test "
        "where the data have one, else all)",
    )  # fmt: skip


def add_music(parser: ArgumentParser, use: str = "to restore") -> None:
    parser.add_argument(
        "--data", default="demo", metavar="D",
        help=f"the music {use}: phrase shards, .npy, MIDI or LPD files, a folder or archive "
        "of them, demo or freedoom (default: demo)",
    )  # fmt: skip
    add_split(parser)
