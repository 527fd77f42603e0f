"""Takes from the files of the originals what the tests compare with.

    python repack.py FOLDER_OF_THE_ORIGINALS FOLDER_OF_THESE
"""

import sys
from pathlib import Path

import numpy as np

ATTRIBUTES = ("dT", "T", "P")
NOT_COMPARED = ("argmax", "ce_per_note", "E5_in", "kl_paper_derived")


def load(path):
    with np.load(path, allow_pickle=False) as found:
        return dict(found)


def mvae(old):
    """Keys as before without `f64/`; gradients and moves of weights as one vector each."""
    names = [str(name) for name in old["param_names"]]
    new = {key: old[key] for key in ("x", "eps", "z_gen", "V", "kl_weight_epochs")}
    new |= {key: old[key] for key in ("param_names", "param_names_ae")}
    for name in names:
        new[f"w/{name}"] = old[f"w/{name}"]
    new |= {key: a for key, a in old.items() if key.startswith("w_ae/") and "linear" in key}
    for key, array in old.items():
        kind, _, rest = key.partition("/")
        last = key.rsplit("/", 1)[-1]
        other_epoch = last.endswith(("epoch1", "epoch20"))
        parts = "/grad_epoch" in key or "/w_after" in key
        if kind == "f64" and not (parts or other_epoch or last in NOT_COMPARED):
            new[rest] = array
    for variant in ("q1", "fixed", "flat"):
        for was, now in (("grad_epoch10", "grad_epoch10"), ("w_after1", "moved1"), ("w_after3", "moved3")):
            own = [old.get(f"f64/{variant}/{was}/{name}") for name in names]
            if own[0] is None:
                continue
            if now.startswith("moved"):
                own = [after - old[f"w/{name}"].astype(float) for after, name in zip(own, names)]
            new[f"{variant}/{now}"] = np.concatenate([a.ravel() for a in own]).astype("float32")
    return new


def bachprop(old):
    """Vectors of 0 and 1 as indices, -1 where all is 0; weights after the updates as they are."""
    def indices(letter):
        arrays = [old[f"io/{letter}{attribute}"] for attribute in ATTRIBUTES]
        found = [np.where(a.any(axis=-1), a.argmax(axis=-1), -1) for a in arrays]
        return np.stack(found, axis=-1).astype("int16")

    new = {"notes": indices("X"), "next": indices("Y")}
    new["sizes"] = np.array([old[f"io/X{attribute}"].shape[-1] for attribute in ATTRIBUTES])
    for key, array in old.items():
        wanted = key.startswith("w/") or "/R" in key or "/prob_" in key or "per_window" in key
        updates = key.startswith("hard_sigmoid/") and ("train_loss" in key or "w_after" in key)
        if "/gen/" in key:
            wanted = "tok_" in key
        if "w_after" in key:
            _, after, name, kind = key.split("/")
            before = {"w_after_dT": "", "w_after_T": "w_after_dT", "w_after_P": "w_after_T"}[after]
            former = f"hard_sigmoid/{before}/{name}/{kind}" if before else f"w/{name}/{kind}"
            wanted, updates = False, updates and not np.array_equal(array, old[former])
        if wanted or updates:
            new[key] = array
    return new


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    for name, made in (("mvae_golden.npz", mvae), ("bachprop_golden.npz", bachprop)):
        np.savez_compressed(target / name, **made(load(source / name)))
