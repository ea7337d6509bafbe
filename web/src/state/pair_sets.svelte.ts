/** The pairs that views show: those of the chosen classes that pass the filters, and those that are selected. */

import { untrack } from "svelte";
import type { RecordSource } from "../api/record_api";
import type { ClassSubset } from "../lib/matrix";
import type { Table } from "../lib/table";
import { filtersText, folded, passing, type PairFilters, type PairNames } from "./filters";
import { Resource } from "./resource.svelte";
import { classesText, inClasses, membership, NEAREST_FIRST, pairsThat, selectionText } from "./selection";
import type { ViewState } from "./view_state";

/** The part of the state that determines the pairs. */
type Chosen = Pick<ViewState, "classes" | "filters" | "pairs">;

/** What a menu shows of an order. */
interface Named {
  readonly name: string;
  readonly label: string;
  readonly meaning: string;
}

/** Create it during component initialization. All lists are empty until the table of pairs is loaded. */
export class PairSets {
  /** Whether the names that a filter needs are being loaded; until then, all names pass. */
  get loading(): boolean {
    return this.#namesMissing;
  }

  readonly #images: Resource<string[]>;
  #wantsNames = $state(false);

  /**
   * @param pairs - the table of pairs, once it is loaded
   * @param view - the state
   */
  constructor(
    private readonly api: RecordSource,
    private readonly pairs: () => Table | undefined,
    private readonly view: () => ViewState,
  ) {
    this.#images = new Resource(() =>
      view().filters.text || this.#wantsNames
        ? { key: "names", load: async (signal) => folded(await api.imageNames(signal)) }
        : undefined,
    );
  }

  /** Load the names that a text is compared with, before it is entered. */
  prepareNames(): void {
    this.#wantsNames = true;
  }

  // Derived from single fields, so that zooming, which changes the state in each frame, does not recompute lists.
  readonly #order = $derived.by(() => this.view().order);
  readonly #selectionText = $derived.by(() => selectionText(this.view().pairs));
  readonly #classesText = $derived.by(() => classesText(this.view().classes));
  readonly #filtersText = $derived.by(() => filtersText(this.view().filters));

  /** Changes when the selected pairs may change. */
  readonly key: string = $derived.by(() =>
    [this.#selectionText, this.#classesText, this.#filtersText, this.#namesMissing].join(" "),
  );

  /** The classes that the views of images are reduced to; its identity changes only with its contents. */
  readonly classes: ClassSubset | null = $derived.by(() => {
    void this.#classesText;
    return untrack(() => this.view().classes);
  });

  /** What pairs must have to be shown; its identity changes only with its contents. */
  readonly filters: PairFilters = $derived.by(() => {
    void this.#filtersText;
    return untrack(() => this.view().filters);
  });

  readonly isFiltered: boolean = $derived.by(() => this.#filtersText !== "");

  readonly #namesMissing = $derived.by(() => this.filters.text !== "" && this.#names === undefined);
  readonly #classNames = $derived.by(() => folded(this.api.summary.classes));
  readonly #names: PairNames | undefined = $derived.by(() => {
    const images = this.#images.value;
    return images && { classes: this.#classNames, images };
  });

  /** Pairs of the classes, whether they pass the filters or not, ascending. */
  readonly ofClasses: Uint32Array = $derived.by(() => {
    const pairs = this.pairs();
    return pairs ? pairsThat(inClasses(this.classes, pairs), pairs) : new Uint32Array();
  });

  /** Pairs of the classes that pass the filters, ascending. */
  readonly shown: Uint32Array = $derived.by(() => {
    const pairs = this.pairs();
    return pairs ? this.ofClasses.filter(passing(this.filters, pairs, this.#names)) : new Uint32Array();
  });

  /** The shown pairs, if they are not all pairs. */
  get narrowed(): Uint32Array | undefined {
    return this.shown.length < (this.pairs()?.length ?? 0) ? this.shown : undefined;
  }

  /** Pairs of the selection, whether they pass the filters or not, ascending. */
  readonly unfiltered: Uint32Array = $derived.by(() => {
    const pairs = this.pairs();
    // Depends on the selection only, not on other changes of the state.
    void this.#selectionText;
    return pairs
      ? this.ofClasses.filter(untrack(() => membership(this.view().pairs, pairs)))
      : new Uint32Array();
  });

  /** Pairs of the selection that pass the filters, ascending. */
  readonly selected: Uint32Array = $derived.by(() => {
    const pairs = this.pairs();
    return pairs ? this.unfiltered.filter(passing(this.filters, pairs, this.#names)) : new Uint32Array();
  });

  /** Orders that the selected pairs can have. */
  readonly orders: readonly Named[] = $derived.by(() => {
    void this.#selectionText;
    const { pair_orders: declared } = this.api.summary;
    return untrack(() => this.view().pairs.kind) === "nearest" ? [...declared, NEAREST_FIRST] : declared;
  });

  /** The order of the selected pairs: the chosen one, or the first one if they cannot have it. */
  readonly order: string = $derived.by(
    () => (this.orders.find(({ name }) => name === this.#order) ?? this.orders[0])?.name ?? "",
  );

  /** The selected pairs in their order. */
  readonly ordered: Uint32Array = $derived.by(() => {
    const isSelected = new Uint8Array(this.pairs()?.length ?? 0);
    for (const pair of this.selected) isSelected[pair] = 1;
    void this.#selectionText;
    const pairs = untrack(() => this.view().pairs);
    const { order } = this;
    return this.#rankedFor({ pairs, order }).filter((pair) => isSelected[pair] === 1);
  });

  /** The pairs of a selection, and maybe others, in their order. */
  #rankedFor({ pairs, order }: Pick<ViewState, "pairs" | "order">): Uint32Array {
    const isNearest = pairs.kind === "nearest" && order === NEAREST_FIRST.name;
    return isNearest ? Uint32Array.from(pairs.pairs) : this.#ranked;
  }

  /** All pairs in the declared order, sorted once for all selections. */
  readonly #ranked: Uint32Array = $derived.by(() => {
    const { pair_orders: declared } = this.api.summary;
    const order = declared.find(({ name }) => name === this.#order) ?? declared[0];
    if (!order) throw new Error("the server declares no order of pairs");
    const direction = order.first === "largest" ? "descending" : "ascending";
    return this.pairs()?.order(order.value, direction) ?? new Uint32Array();
  });

  /** The pair that is focused after a change: the present one if it is selected then; undefined if none is selected. */
  focusAfter(change: Partial<Chosen>): number | undefined {
    const pairs = this.pairs();
    if (!pairs) return undefined;
    const next = { ...this.view(), ...change };
    const tests = [
      inClasses(next.classes, pairs),
      membership(next.pairs, pairs),
      passing(next.filters, pairs, this.#names),
    ];
    const isIn = (pair: number): boolean => tests.every((test) => test(pair));
    if (isIn(next.pair)) return next.pair;
    // In a report, preferably a pair that it has images of.
    const { report } = this.api.summary;
    const ranked = this.#rankedFor(next);
    return ranked.find((pair) => report?.pairs.includes(pair) === true && isIn(pair)) ?? ranked.find(isIn);
  }
}
