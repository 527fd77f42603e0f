"""Yang and Lerch's features and comparison of two sets; their paper has no table to show."""

from musegen.eval.tables.definition import Definition
from musegen.eval.tables.table import Suite, Table

NAME = "mgeval"
FUNCTIONS = {  # the functions of `musegen.metrics.mgeval` by their codes
    "PC": "total_used_pitch",
    "PC/bar": "bar_used_pitch",
    "NC": "total_used_note",
    "NC/bar": "bar_used_note",
    "PCH": "total_pitch_class_histogram",
    "PCH/bar": "bar_pitch_class_histogram",
    "PCTM": "pitch_class_transition_matrix",
    "PR": "pitch_range",
    "PI": "avg_pitch_shift",
    "IOI": "avg_IOI",
    "NLH": "note_length_hist",
    "NLTM": "note_length_transition_matrix",
}
FEATURES = {
    "PC": "pitch count",
    "PC/bar": "pitch count of each bar",
    "NC": "note count",
    "NC/bar": "note count of each bar",
    "PCH": "pitch class histogram",
    "PCH/bar": "the same of each bar",
    "PCTM": "pitch class transitions",
    "PR": "pitch range",
    "PI": "mean pitch interval",
    "IOI": "inter-onset interval, s",
    "NLH": "note length histogram",
    "NLTM": "note length transitions",
    "NO": "notes at once",
}
MODULE = f"{__name__}.feature_rows"
DEFINITIONS = (
    Definition(
        "mgeval", "as the code of Yang and Lerch computes", "phrase", MODULE, takes=("track",)
    ),
    Definition(
        "mgeval_fixed",
        "that code without its mistakes: bars by the true meter, KLD on common points",
        "phrase",
        MODULE,
        takes=("track",),
    ),
)
TABLES: tuple[Table, ...] = ()
SUITE = Suite(
    ("mgeval", "mgeval_fixed"),
    ("mgeval",),
    module=f"{__name__}.comparisons",
)
