"""Training data: reads corpora, stores phrases and notes on disk, and makes batches for a model.

`musegen.data.load(source)` opens anything that holds phrases or can be converted to phrases.
`musegen.data.load_pieces(source)` does the same for pieces of notes.
"""


def __getattr__(name: str):
    if name in ("load", "Data"):
        from musegen.data import loading

        return getattr(loading, name)
    if name in ("load_pieces", "Pieces"):
        from musegen.data import piece_loading

        return getattr(piece_loading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
