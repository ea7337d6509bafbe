import { getContext, setContext, untrack } from "svelte";
import type { RecordSource } from "../api/record_api";
import { openRecord } from "../api/source";
import type { PairModel, RecordSummary } from "../api/types";
import { classColor } from "../lib/colors";
import type { ClassSubset } from "../lib/matrix";
import { measureOf, NEURON_NUMBER } from "./measures";
import { ascending } from "../lib/ranges";
import type { Table } from "../lib/table";
import { AddressBar, type HistoryMode } from "./address_bar";
import { Address, isAddressOf } from "./address";
import { filtersSlice, type PairFilters } from "./filters";
import { layoutSlice, type PlacedView } from "./layout";
import { MapsState } from "./maps.svelte";
import { NearestPairs } from "./nearest_pairs.svelte";
import { PairSets } from "./pair_sets.svelte";
import { Prefetch } from "./prefetch";
import { RemainingMaps, type WantedMaps } from "./remaining_maps.svelte";
import { RecordHealth, NetworkWatch } from "./availability.svelte";
import { Resource, type ResourceRequest } from "./resource.svelte";
import { ALL, NEAREST_FIRST, type PairSelection } from "./selection";
import {
  withChanges,
  neuronSettings,
  settingInfo,
  settingsSlice,
  type SettingInfo,
  type SettingValues,
} from "./settings";
import type { FigureOffer } from "./figures";
import { SelectionMeans } from "./selection_means.svelte";
import { compose, type Slice } from "./slice";
import { SHARED_SLICES, type ViewState } from "./view_state";

const KEY = Symbol("dashboard");

/** The part of a view's definition that the state depends on. */
export interface ViewModel extends PlacedView {
  /** The view's own state. */
  readonly slice?: Slice<object>;
  /** Loads the view's data for a pair that is likely to be focused next. */
  readonly prefetch?: (dashboard: Dashboard, pair: number) => Promise<void>;
}

/** The shared state together with a view's own. */
export interface OwnState<State extends object> {
  readonly current: ViewState & State;
  readonly update: (change: Partial<ViewState & State>, mode?: HistoryMode) => void;
}

/**
 * The state of the dashboard for one record, and the numbers that several views share.
 *
 * Views read the shared state from `view` and change it by `update`; `own` adds their own slice. Numbers follow the
 * state. Create it during component initialization.
 */
export class Dashboard {
  view = $state.raw() as ViewState;
  readonly api: RecordSource;
  readonly pairs: Resource<Table>;
  readonly pairSets: PairSets;
  readonly nearest: NearestPairs;
  readonly pair: Resource<PairModel>;
  readonly means: SelectionMeans;
  readonly neurons: Resource<Table>;
  readonly maps: MapsState;
  readonly remainingMaps: RemainingMaps;
  readonly network: NetworkWatch;
  readonly health = new RecordHealth();
  readonly #prefetch = new Prefetch((pair) => this.#load(pair));
  readonly #bar = new AddressBar();
  readonly #address: Address<ViewState>;

  constructor(
    readonly summary: RecordSummary,
    private readonly views: readonly ViewModel[],
  ) {
    const slices = [
      ...SHARED_SLICES,
      filtersSlice(summary),
      settingsSlice(summary),
      layoutSlice(views),
      ...views.flatMap(({ slice }) => slice ?? []),
    ];
    this.#address = new Address(compose(slices) as Slice<ViewState>, summary);
    this.api = openRecord(summary, (message, retry) => {
      this.health.report(message, retry);
    });
    this.network = new NetworkWatch(summary);
    const { api } = this;
    this.view = this.#address.state(this.#bar.query);
    // The address may name something that this record does not have.
    this.#bar.show(this.query, "replace");
    $effect(() =>
      this.#bar.listen((query) => {
        // The library handles history entries of other records and layers.
        if (isAddressOf(query, summary)) this.view = this.#address.state(query);
      }),
    );
    this.maps = new MapsState(
      () => api,
      () => this.view.pair,
      () => this.view.settings.vmaps,
    );
    this.pairs = new Resource(() => ({ key: summary.id, load: (signal) => api.pairs(signal) }));
    this.pairSets = new PairSets(
      api,
      () => this.pairs.value,
      () => this.view,
    );
    this.nearest = new NearestPairs(
      api,
      () => ({ among: this.pairSets.narrowed, curves: this.view.settings.curves }),
      (pairs) => {
        this.update({ pairs, order: NEAREST_FIRST.name, pair: pairs.pairs[0] ?? this.view.pair });
      },
    );
    this.pair = new Resource(() => {
      const { pair } = this.view;
      return { key: `${pair}`, load: (signal) => api.pair(pair, signal) };
    });
    this.means = new SelectionMeans(
      api,
      () => ({
        pairs: this.selected,
        key: `${this.pairSets.key} ${this.numbersVersion}`,
        sort: this.#sort,
        settings: neuronSettings(this.view.settings),
      }),
      () => this.view.level === "selection" && this.neurons.loading,
      () => this.neurons.key,
    );
    this.neurons = new Resource(() => this.#neuronRequest());
    this.remainingMaps = new RemainingMaps(
      api,
      () => this.#wantedMaps(),
      () => {
        this.maps.version += 1;
      },
    );
  }

  /** The state as the query of an address. */
  get query(): string {
    return this.#address.query(this.view);
  }

  /** The query of this page for the state of another query, which may write it in another way. */
  ownQuery(query: string): string {
    return this.#address.query(this.#address.state(query));
  }

  /** The address of the same pairs at another layer. */
  queryAt(layer: string): string {
    return this.#address.queryAt(layer, this.view);
  }

  /** The figure whose dialog is open. It is not part of the address. */
  offeredFigure = $state.raw<FigureOffer | undefined>(undefined);

  /** Whether a slider is moving, so that requests for all neurons are answered one after the other. */
  isSliding = false;

  /** Change the state. */
  update(change: Partial<ViewState>, mode: HistoryMode = "push"): void {
    this.isSliding = mode === "replace" && (change.settings ?? change.filters) !== undefined;
    this.view = { ...this.view, ...change };
    this.#bar.show(this.query, mode);
  }

  /** The state that a view reads and changes: the shared one, and that of its slice. */
  own<State extends object>(slice: Slice<State>): OwnState<State> {
    const { names } = slice;
    if (!this.#address.has(names)) throw new Error(`no view declares the parameters ${names.join(", ")}`);
    // The address has the slice's parameters, so the state has its fields.
    const current = (): ViewState & State => this.view as ViewState & State;
    return {
      get current() {
        return current();
      },
      update: (change, mode) => {
        this.update(change, mode);
      },
    };
  }

  /** Change settings. Sliders replace the current history entry. */
  updateSettings(change: Partial<SettingValues>, mode: "push" | "replace" = "replace"): void {
    this.update({ settings: withChanges(this.summary, this.view.settings, change) }, mode);
  }

  /** A setting with its current value. */
  setting(name: keyof SettingValues): SettingInfo {
    return settingInfo(this.summary, this.view.settings, name);
  }

  /** Show the state of an address, such as one that a notebook has set. */
  follow(query: string): void {
    this.view = this.#address.state(query);
    this.#bar.show(this.query, "push");
  }

  // Derived from single fields, so that zooming, which changes the state in each frame, does not recompute lists.
  readonly #sort = $derived.by(() => this.view.sort);
  readonly #neuronsText = $derived.by(() => this.view.neurons.join());

  /** The classes that the views of images are reduced to; its identity changes only with its contents. */
  get classes(): ClassSubset | null {
    return this.pairSets.classes;
  }

  /** Pairs of the selection, ascending; empty until the table of pairs is loaded. */
  get selected(): Uint32Array {
    return this.pairSets.selected;
  }

  /** Pairs of the selection in the order of the image grid. */
  get ordered(): Uint32Array {
    return this.pairSets.ordered;
  }

  /** Whether the values of the chosen sort are still being computed; the neurons keep their last order. */
  readonly orderPending: boolean = $derived.by(() => {
    const measure = this.summary.measures.find(({ name }) => name === this.#sort);
    if (!measure?.needs.includes("vulnerability_maps") || this.view.level !== "pair") return false;
    const { state } = this.maps;
    const isComing = state === "unknown" || state === "computing" || this.neurons.loading;
    return isComing && !this.neurons.value?.hasValues(this.#sort);
  });

  /** The measure that neurons are sorted by: the chosen one, or a fallback if it has no values. */
  readonly shownSort: string = $derived.by(() => {
    if (this.orderPending) return this.#sort;
    const neurons = this.neurons.value;
    const wanted = [this.#sort, ...this.summary.default_sorts];
    return (
      wanted.find((name) => name === NEURON_NUMBER.name || neurons?.hasValues(name)) ?? NEURON_NUMBER.name
    );
  });

  #lastOrder: Uint32Array | undefined;

  /** Neurons from left to right in the neuron view. */
  readonly neuronOrder: Uint32Array = $derived.by(() => {
    if (this.orderPending && this.#lastOrder) return this.#lastOrder;
    const neurons = this.neurons.value;
    const sort = this.shownSort;
    this.#lastOrder =
      !neurons || sort === NEURON_NUMBER.name
        ? Uint32Array.from({ length: this.summary.neurons }, (_, n) => n)
        : neurons.order(sort, measureOf(this.summary, sort).first === "largest" ? "descending" : "ascending");
    return this.#lastOrder;
  });

  /** Neurons whose receptive fields are shown; the array's identity changes only with its contents. */
  readonly chosenNeurons: readonly number[] = $derived.by(() => {
    void this.#neuronsText;
    return untrack(() => this.view.neurons);
  });

  /**
   * A neuron under the pointer, whose receptive fields are shown in place of the chosen neurons' until the pointer
   * leaves it. It is not part of the address.
   */
  previewed = $state.raw<number | undefined>(undefined);

  /** Neurons whose receptive fields are on the screen: the previewed one, or the chosen ones. */
  readonly shownNeurons: readonly number[] = $derived.by(() =>
    this.previewed === undefined ? this.chosenNeurons : [this.previewed],
  );

  /** The previewed neuron, or the focused one. */
  get shownNeuron(): number {
    return this.previewed ?? this.view.focus;
  }

  /** Level of the table of neurons on the screen, which stays until the table of another level is loaded. */
  get neuronsLevel(): ViewState["level"] {
    return this.neurons.value?.names.includes("rank") ? "selection" : "pair";
  }

  /** Changes when new maps or the network become available, and with them the numbers that depend on them. */
  get numbersVersion(): string {
    return `${this.maps.version} ${this.network.forSubstitution ?? ""}`;
  }

  /** Select pairs. The focus stays if it is among them; otherwise it moves to the first one in the image grid's order. */
  selectPairs(pairs: PairSelection): void {
    this.#narrow({ pairs });
  }

  /** Reduce the views of images to some classes; null for all. A selection without pairs in them is dropped. */
  showClasses(classes: ClassSubset | null): void {
    const isEmpty = this.pairSets.focusAfter({ classes }) === undefined;
    this.#narrow(isEmpty ? { classes, pairs: ALL } : { classes });
  }

  /**
   * Show only pairs that pass filters. The selection stays, even if none of its pairs passes them. While a slider moves,
   * the focus stays, too.
   */
  filterPairs(filters: PairFilters, mode: HistoryMode = "push"): void {
    if (mode === "replace") this.update({ filters }, mode);
    else this.#narrow({ filters }, mode);
  }

  #narrow(change: Partial<ViewState>, mode?: HistoryMode): void {
    const pair = this.pairSets.focusAfter(change);
    this.update(pair === undefined ? change : { ...change, pair }, mode);
  }

  /** Load the numbers of a pair before it is clicked, while the pointer rests on it. */
  prefetchPair(pair: number): void {
    this.#prefetch.request(() => pair);
  }

  /** Load the numbers of the pair that a selection would focus. */
  prefetchSelection(pairs: PairSelection): void {
    this.#prefetch.request(() => this.pairSets.focusAfter({ pairs }));
  }

  async #load(pair: number): Promise<void> {
    const { api } = this;
    await Promise.allSettled([
      api.pair(pair),
      api.neurons(pair, neuronSettings(this.view.settings), this.numbersVersion),
    ]);
    // One view after the other, so that the slowest one does not delay the others.
    for (const { prefetch } of this.views) await prefetch?.(this, pair).catch(() => undefined);
  }

  /** Stop computing means. The columns that are known stay; without any, the numbers are those of the focused pair. */
  cancelMeans(): void {
    if (!this.neurons.cancel()) this.update({ level: "pair" });
  }

  /** Choose neurons, and focus one of them: the first one by default. */
  chooseNeurons(neurons: Iterable<number>, focus?: number): void {
    const chosen = ascending(neurons);
    const first = focus ?? chosen[0];
    if (first !== undefined) this.update({ neurons: chosen, focus: first });
  }

  /** Whether a pair has images and numbers of neurons, as only some pairs of a report have. */
  isIncluded(pair: number): boolean {
    return this.summary.report?.pairs.includes(pair) ?? true;
  }

  /** Name of a class. */
  className(label: number): string {
    return this.summary.classes[label] ?? `class ${label}`;
  }

  /** Classes that occur as a label of the shown pairs, ascending. */
  readonly usedClasses: readonly number[] = $derived.by(() =>
    this.classes ? ascending([...this.classes.rows, ...this.classes.columns]) : this.summary.used_classes,
  );

  /** Index of a class among the used ones, which determines its color: so those of few classes all differ. */
  classPlace(label: number): number {
    return Math.max(0, this.usedClasses.indexOf(label));
  }

  classColor(label: number): string {
    return classColor(this.classPlace(label));
  }

  /** The maps that a ranking of the selected pairs depends on. */
  #wantedMaps(): WantedMaps | undefined {
    const measure = this.summary.measures.find(({ name }) => name === this.#sort);
    if (this.view.level !== "selection" || !measure?.needs.includes("vulnerability_maps")) return undefined;
    return {
      pairs: this.selected,
      key: this.pairSets.key,
      vmaps: this.view.settings.vmaps,
      version: this.numbersVersion,
    };
  }

  #neuronRequest(): ResourceRequest<Table> | undefined {
    const { pair, level } = this.view;
    const inTurn = this.isSliding;
    if (level === "selection") return this.means.request && { ...this.means.request, inTurn };
    const settings = neuronSettings(this.view.settings);
    const version = this.numbersVersion;
    return {
      key: JSON.stringify([pair, settings, version]),
      load: (signal) => this.api.neurons(pair, settings, version, signal),
      inTurn,
    };
  }
}

export function provideDashboard(dashboard: Dashboard): void {
  setContext(KEY, dashboard);
}

export function useDashboard(): Dashboard {
  return getContext<Dashboard>(KEY);
}
