"""The contact graph as a picture: the same answer gives the same picture."""

from __future__ import annotations

import io
from typing import Any

from hub.trace.answers import Contacts

MOST_NODES = 150  # more can't be read
_COLOURS = ("#b2182b", "#ef8a62", "#fddbc7", "#d1e5f0", "#67a9cf")  # by hop; ColorBrewer RdBu
_LABELLED_EDGES = 60


def picture(found: Contacts, form: str = "svg") -> bytes:
    """The people as circles, coloured by hop, and their contacts as lines as thick as long.

    `form` is "svg" or "png". Beyond MOST_NODES the longest contacts are drawn.
    """
    import matplotlib as mpl
    import networkx as nx
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    minutes = _minutes(found)
    graph: Any = nx.Graph()
    people = [(one, 0) for one in found.asked] + [(one.who, one.hop) for one in found.contacts]
    shown = dict(people[:MOST_NODES])
    labels = {who.id: who.label for who in shown}
    hops = {who.id: hop for who, hop in shown.items()}
    graph.add_nodes_from(sorted(labels))
    for (one, other), spent in sorted(minutes.items()):
        if one in labels and other in labels:
            # long contacts draw people together, but not onto each other
            graph.add_edge(one, other, minutes=spent, weight=1 + min(spent, 600) / 300)
    # the same seed, and no clock or hash in the file: the same answer, the same bytes
    # a name with dollars is no formula
    style: Any = {
        "svg.hashsalt": "edge-gate",
        "font.family": "DejaVu Sans",
        "text.parse_math": False,
    }
    with mpl.rc_context(style):
        side = min(6 + len(labels) ** 0.5 * 1.4, 24)
        figure = Figure(figsize=(side, side), layout="tight")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.set_axis_off()
        spread = 2.2 / max(len(labels), 1) ** 0.5
        places = nx.spring_layout(graph, seed=1, k=spread, iterations=80)
        widths = [1 + min(data["minutes"], 480) / 120 for *_, data in graph.edges(data=True)]
        nx.draw_networkx_edges(graph, places, ax=axes, width=widths, edge_color="#999999")
        nx.draw_networkx_nodes(
            graph, places, ax=axes, edgecolors="#333333", node_size=420,
            node_color=[_COLOURS[min(hops[node], len(_COLOURS) - 1)] for node in graph],
        )  # fmt: skip
        nx.draw_networkx_labels(
            graph, _below(places, side), labels=labels, ax=axes, font_size=8,
            verticalalignment="top",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8},
        )  # fmt: skip
        if graph.number_of_edges() <= _LABELLED_EDGES:
            nx.draw_networkx_edge_labels(
                graph, places, ax=axes, font_size=7,
                edge_labels={
                    (one, other): f"{data['minutes']:.0f} min"
                    for one, other, data in graph.edges(data=True)
                },
            )  # fmt: skip
        if len(people) > MOST_NODES:
            axes.set_title(f"the first {MOST_NODES} of {len(people)} people", fontsize=9)
        figure.text(0.5, 0.01, _caption(found), ha="center", fontsize=9)
        out = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(out, format=form, dpi=150, metadata=metadata)
    return out.getvalue()


def _below(places: Any, side: float) -> Any:
    """Under each circle; the layout lies between -1 and 1, and the picture has `side` inches."""
    drop = 13 * 2.2 / (side * 72)
    return {node: (x, y - drop) for node, (x, y) in places.items()}


def _caption(found: Contacts) -> str:
    """A picture is passed on without its table."""
    if found.completeness.complete:
        return "Complete as far as the hub knows."
    return "Not complete: the answer's table says what it may lack."


def _minutes(found: Contacts) -> dict[tuple[int, int], float]:
    """Of each pair; one that was looked at from both sides counts by the longer look."""
    directed: dict[tuple[int, int], float] = {}
    for meeting in found.meetings:
        pair = (meeting.via.id, meeting.who.id)
        directed[pair] = directed.get(pair, 0.0) + meeting.ms / 60_000
    minutes: dict[tuple[int, int], float] = {}
    for (one, other), spent in directed.items():
        pair = (min(one, other), max(one, other))
        minutes[pair] = max(spent, minutes.get(pair, 0.0))
    return minutes
