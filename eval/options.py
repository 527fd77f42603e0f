"""The option that several evaluations share."""

from argparse import ArgumentParser

SPLITS = ("train", "val", "test")


def add_split(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--split", choices=SPLITS, metavar="NAME",
        help=f"the shards of which a system restores phrases, {', '.join(SPLITS)} (default: test "
        "where the data have one, else all)",
    )  # fmt: skip
