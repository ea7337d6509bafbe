"""The prediction matrix (paper, Figure 2-a4)."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from vulneuron.analysis import Analysis
from vulneuron.measures.choices import check_whole


def prediction_matrix(analysis: Analysis, *, most: int = 20) -> Figure:
    """Numbers of pairs, with true labels as rows and adversarial labels as columns; darker is more.

    Parameters
    ----------
    analysis
        The analysis.
    most
        Largest number of rows and of columns, those with the most pairs. The title counts the pairs shown.
    """
    check_whole(most, "most")
    all_counts = analysis.prediction_matrix()
    counts = all_counts
    rows = counts.sum(axis=1).nlargest(most).index
    columns = counts.sum(axis=0).nlargest(most).index
    counts = counts.loc[counts.index.isin(rows), counts.columns.isin(columns)]
    side = 0.36
    figure, ax = plt.subplots(
        figsize=(2 + side * counts.shape[1], 1.6 + side * counts.shape[0]), layout="constrained"
    )
    ax.imshow(counts, cmap="Oranges", aspect="auto")
    ax.set_xticks(range(counts.shape[1]), counts.columns, rotation=90, fontsize=7)
    ax.set_yticks(range(counts.shape[0]), counts.index, fontsize=7)
    numbers = counts.to_numpy()
    for (row, column), count in np.ndenumerate(numbers):
        if count:
            color = "white" if count > numbers.max() / 2 else "black"
            ax.text(column, row, str(count), ha="center", va="center", fontsize=6, color=color)
    if numbers.size < all_counts.size:
        part = f"{numbers.sum()} of {all_counts.to_numpy().sum()} pairs"
        ax.set_title(f"the {most} largest rows and columns: {part}", fontsize=7)
    ax.set_xlabel("adversarial label", fontsize=8)
    ax.set_ylabel("true label", fontsize=8)
    return figure
