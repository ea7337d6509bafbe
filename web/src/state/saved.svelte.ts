import { getContext, setContext } from "svelte";
import { ApiError } from "../api/responses";
import type { SavedSource } from "../api/saved_api";
import { openSaved } from "../api/source";
import { isReport } from "../api/source";
import type { FindingModel, GroupModel, SavedModel } from "../api/types";
import { inserted, merged, moved, without } from "../lib/lists";
import { readForTab, storeForTab } from "../lib/preferences_store";
import { isAddressOf } from "./address";
import { recordOf } from "./address_bar";
import type { Dashboard } from "./dashboard.svelte";
import type { Library } from "./library.svelte";

const KEY = Symbol("saved");
/** Status of a change of something that was changed elsewhere in the meantime. */
const CONFLICT = 409;

/** What was deleted last, until something else is changed. */
export type Removed =
  | { readonly kind: "finding"; readonly finding: FindingModel; readonly position: number }
  | { readonly kind: "group"; readonly group: GroupModel };

/** Whether the list is open. It stays open when another record or layer is opened. */
const list = $state({ open: false });

/**
 * Findings and groups of the record. If it cannot be written to, new findings are kept for this tab instead.
 *
 * Create it during component initialization.
 */
export class Saved {
  readonly #api: SavedSource;
  readonly #tab: string;
  #value = $state.raw<SavedModel | undefined>();
  #ofTab = $state.raw<readonly FindingModel[]>([]);
  /** One line about why the last request failed; undefined if it did not. */
  problem = $state.raw<string | undefined>();
  removed = $state.raw<Removed | undefined>();
  /** Changes are sent one after the other, so that the latest answer is the current state. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly dashboard: Dashboard,
    private readonly library: Library,
  ) {
    const { summary } = dashboard;
    this.#api = openSaved(summary);
    this.#tab = `findings.${summary.id}.${summary.fingerprint}`;
    void this.reload();
    // A report does not change, and has nowhere to save anything.
    if (isReport) return;
    this.#ofTab = JSON.parse(readForTab(this.#tab) ?? "[]") as FindingModel[];
    $effect(() => {
      const follow = (): void => {
        if (document.visibilityState === "visible") void this.reload();
      };
      document.addEventListener("visibilitychange", follow);
      return () => {
        document.removeEventListener("visibilitychange", follow);
      };
    });
  }

  get isOpen(): boolean {
    return list.open;
  }

  set isOpen(open: boolean) {
    list.open = open;
    if (open) void this.reload();
  }

  /** Why nothing can be saved in the record; undefined if something can, or it is not known yet. */
  readonly unwritable: string | undefined = $derived.by(() => this.#value?.unwritable ?? undefined);

  readonly findings: readonly FindingModel[] = $derived.by(() => [
    ...(this.#value?.findings ?? []),
    ...this.#ofTab,
  ]);

  readonly groups: readonly GroupModel[] = $derived.by(() => this.#value?.groups ?? []);

  /** The queries that the page has while it shows the findings. */
  readonly #queries: readonly string[] = $derived.by(() =>
    this.findings.map(({ query }) =>
      isAddressOf(query, this.dashboard.summary) ? this.dashboard.ownQuery(query) : query,
    ),
  );

  /** The finding that the page shows; undefined if its state is none. */
  readonly current: FindingModel | undefined = $derived.by(
    () => this.findings[this.#queries.indexOf(this.dashboard.query)],
  );

  /** Whether a finding can be changed: those in a record that cannot be written to cannot. */
  isEditable({ id }: FindingModel): boolean {
    return this.unwritable === undefined || this.#isOfTab(id);
  }

  async reload(): Promise<void> {
    await this.#send(() => this.#api.all());
  }

  /** Save the state of the page. */
  async save(note: string): Promise<boolean> {
    const { query, chosenNeurons } = this.dashboard;
    const finding = { note, pair: this.dashboard.view.pair, neurons: [...chosenNeurons], query };
    this.removed = undefined;
    if (this.unwritable === undefined) return this.#send(() => this.#api.add(finding));
    return this.#attempt(async () => {
      this.#keep([...this.#ofTab, await this.#api.draft(finding)]);
    });
  }

  /** Show the state of a finding, which may be of another layer. */
  show({ query }: FindingModel): void {
    showQuery(query, this.dashboard, this.library);
  }

  async rename(finding: FindingModel, title: string): Promise<void> {
    if (title.trim() === finding.title) return;
    if (this.#isOfTab(finding.id)) this.#replace({ ...finding, title: title.trim() || finding.title });
    else await this.#send(() => this.#api.rename(finding, title));
  }

  /** Change a note. If it was changed elsewhere in the meantime, it gets both texts. */
  async setNote(finding: FindingModel, note: string): Promise<void> {
    if (note === finding.note) return;
    if (this.#isOfTab(finding.id)) {
      this.#replace({ ...finding, note });
      return;
    }
    await this.#send(async () => {
      try {
        return await this.#api.setNote(finding, note);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== CONFLICT) throw error;
        const { findings } = await this.#api.all();
        const latest = findings.find(({ id }) => id === finding.id);
        if (!latest) throw error;
        return this.#api.setNote(latest, merged(note, latest.note, finding.note));
      }
    });
  }

  async move(finding: FindingModel, step: 1 | -1): Promise<void> {
    const { id } = finding;
    const siblings = this.#isOfTab(id) ? this.#ofTab : (this.#value?.findings ?? []);
    const position = siblings.findIndex((one) => one.id === id) + step;
    if (position < 0 || position >= siblings.length) return;
    if (this.#isOfTab(id)) this.#keep(moved(siblings, id, position));
    else await this.#send(() => this.#api.move(finding, position));
  }

  async remove(finding: FindingModel): Promise<void> {
    const { id } = finding;
    const isOfTab = this.#isOfTab(id);
    const siblings = isOfTab ? this.#ofTab : (this.#value?.findings ?? []);
    const position = siblings.findIndex((one) => one.id === id);
    if (isOfTab) this.#keep(without(siblings, id));
    else if (!(await this.#send(() => this.#api.remove(finding)))) return;
    this.removed = { kind: "finding", finding, position };
  }

  async addGroup(group: Partial<GroupModel> & { readonly name: string }): Promise<boolean> {
    this.removed = undefined;
    return this.#send(() => this.#api.addGroup({ neurons: [], pairs: [], layer: null, ...group }));
  }

  async renameGroup({ name }: GroupModel, newName: string): Promise<void> {
    if (newName.trim() !== name) await this.#send(() => this.#api.renameGroup(name, newName));
  }

  async removeGroup(group: GroupModel): Promise<void> {
    if (await this.#send(() => this.#api.removeGroup(group.name))) this.removed = { kind: "group", group };
  }

  /** Put back what was deleted last. */
  async undo(): Promise<void> {
    const { removed } = this;
    if (!removed) return;
    this.removed = undefined;
    if (removed.kind === "group") await this.#send(() => this.#api.addGroup(removed.group));
    else if (this.unwritable === undefined)
      await this.#send(() => this.#api.restore(removed.finding, removed.position));
    else this.#keep(inserted(this.#ofTab, removed.finding, removed.position));
  }

  /** Select the members of a group. */
  select({ pairs, neurons, layer }: GroupModel): void {
    const { dashboard } = this;
    if (pairs.length) dashboard.selectPairs({ kind: "list", pairs });
    else if (layer === null || layer === dashboard.summary.layer) dashboard.chooseNeurons(neurons);
    else void this.library.open(`${dashboard.queryAt(layer)}&neurons=${neurons.join(",")}`);
  }

  /** All findings as Markdown; undefined if that fails. */
  async markdown(): Promise<string | undefined> {
    let text: string | undefined;
    await this.#attempt(async () => {
      text = await this.#api.markdown(this.findings, `${location.origin}${location.pathname}`);
    });
    return text;
  }

  #isOfTab(id: string): boolean {
    return this.#ofTab.some((one) => one.id === id);
  }

  #replace(finding: FindingModel): void {
    this.#keep(this.#ofTab.map((one) => (one.id === finding.id ? finding : one)));
  }

  #keep(findings: readonly FindingModel[]): void {
    this.#ofTab = findings;
    storeForTab(this.#tab, JSON.stringify(findings));
  }

  async #send(request: () => Promise<SavedModel>): Promise<boolean> {
    const load = async (): Promise<boolean> => {
      const done = await this.#attempt(async () => {
        this.#value = await request();
      });
      // What was refused may have been changed elsewhere.
      if (!done) this.#value = await this.#api.all().catch(() => this.#value);
      return done;
    };
    const sent = this.#last.then(load);
    this.#last = sent;
    return sent;
  }

  /** Whether something succeeds; otherwise, the problem says why it does not. */
  async #attempt(action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      this.problem = undefined;
      return true;
    } catch (error) {
      // If the server is gone, the page reports it.
      if (error instanceof ApiError) this.problem = error.message;
      return false;
    }
  }
}

/** Show the state of a query, which may be of another record or layer. */
export function showQuery(query: string, dashboard: Dashboard, library: Library): void {
  if (recordOf(query) !== null && !isAddressOf(query, dashboard.summary)) {
    void library.open(query);
  } else dashboard.follow(query);
}

export function provideSaved(saved: Saved): void {
  setContext(KEY, saved);
}

export function useSaved(): Saved {
  return getContext<Saved>(KEY);
}
