"""A picture of a map with what localization did on it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from amr.mapping.base import MapImage
from amr.runtime.bench.localize_places import Trial
from amr.runtime.bench.localize_tracks import Track

_COLORS: Final = {"right": "tab:green", "wrong": "tab:red", "shown_ambiguous": "tab:orange", "unshown": "tab:purple"}


def draw(path: Path, image: MapImage, track: Track | None, places: list[Trial]) -> None:
    """Truth and told pose of a drive; where relocalization was asked, in the color of its answer."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    frame = image.frame
    width_m, height_m = frame.width * frame.resolution_m, frame.height * frame.resolution_m
    extent = (frame.origin_x_m, frame.origin_x_m + width_m, frame.origin_y_m, frame.origin_y_m + height_m)
    figure, axes = plt.subplots(figsize=(10.0, max(3.0, 10.0 * height_m / width_m)), layout="constrained")
    axes.imshow(image.pixels, cmap="gray", origin="lower", extent=extent, vmin=0, vmax=254)
    if track is not None:
        axes.plot(track.truth[:, 0], track.truth[:, 1], color="tab:blue", linewidth=2.5, alpha=0.5, label="true way")
        axes.plot(track.pose[:, 0], track.pose[:, 1], color="black", linewidth=0.8, label="told pose")
    for verdict, color in _COLORS.items():
        at = [one.truth for one in places if one.verdict == verdict]
        if at:
            axes.scatter([p[0] for p in at], [p[1] for p in at], s=18, color=color, label=f"{len(at)} {verdict}")
    axes.set_xlabel("x, m")
    axes.set_ylabel("y, m")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.savefig(path, dpi=110)
    plt.close(figure)
