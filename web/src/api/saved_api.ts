import createClient from "openapi-fetch";
import { unwrap } from "./responses";
import type { paths } from "./schema";
import type { FindingModel, GroupModel, NewFinding, RecordSummary, SavedModel } from "./types";

const client = createClient<paths>({ baseUrl: "." });

/** What the page needs of findings and groups, wherever they come from. */
export type SavedSource = Pick<SavedApi, keyof SavedApi>;

/** Requests for the findings and groups of a record. Each change is answered by all of them. */
export class SavedApi {
  readonly #record: { readonly record: string };
  readonly #layer: { readonly layer: string };

  constructor({ id, layer }: RecordSummary) {
    this.#record = { record: id };
    this.#layer = { layer };
  }

  async all(): Promise<SavedModel> {
    return unwrap(await client.GET("/api/records/{record}/saved", this.#options()));
  }

  async add(finding: NewFinding): Promise<SavedModel> {
    const options = { ...this.#options(), body: finding };
    return unwrap(await client.POST("/api/records/{record}/findings", options));
  }

  /** A finding that is not saved, for a record that cannot be written to. */
  async draft(finding: NewFinding): Promise<FindingModel> {
    const options = { ...this.#options(), body: finding };
    return unwrap(await client.POST("/api/records/{record}/findings/draft", options));
  }

  async rename({ id }: FindingModel, title: string): Promise<SavedModel> {
    return this.#change(id, { title });
  }

  /** Change a note. Fails with status 409 if it was changed since this finding was loaded. */
  async setNote({ id, revision }: FindingModel, note: string): Promise<SavedModel> {
    return this.#change(id, { note, revision });
  }

  async move({ id }: FindingModel, position: number): Promise<SavedModel> {
    return this.#change(id, { position });
  }

  async remove({ id }: FindingModel): Promise<SavedModel> {
    return unwrap(await client.DELETE("/api/records/{record}/findings/{finding}", this.#finding(id)));
  }

  /** Put back a removed finding. */
  async restore(finding: FindingModel, position: number): Promise<SavedModel> {
    const options = { ...this.#finding(finding.id), body: { finding, position } };
    return unwrap(await client.PUT("/api/records/{record}/findings/{finding}", options));
  }

  /** Findings as Markdown, with links to a page at an address. */
  async markdown(findings: readonly FindingModel[], address: string): Promise<string> {
    const body = { findings: [...findings], address };
    const options = { ...this.#options(), body, parseAs: "text" as const };
    return unwrap(await client.POST("/api/records/{record}/findings.md", options));
  }

  async addGroup(group: GroupModel): Promise<SavedModel> {
    return unwrap(await client.POST("/api/records/{record}/groups", { ...this.#options(), body: group }));
  }

  async renameGroup(name: string, newName: string): Promise<SavedModel> {
    const body = { name, new_name: newName };
    return unwrap(await client.PATCH("/api/records/{record}/groups", { ...this.#options(), body }));
  }

  async removeGroup(name: string): Promise<SavedModel> {
    const params = { path: this.#record, query: { ...this.#layer, name } };
    return unwrap(await client.DELETE("/api/records/{record}/groups", { params }));
  }

  async #change(
    finding: string,
    change: { title?: string; note?: string; revision?: number; position?: number },
  ): Promise<SavedModel> {
    const options = { ...this.#finding(finding), body: change };
    return unwrap(await client.PATCH("/api/records/{record}/findings/{finding}", options));
  }

  #options() {
    return { params: { path: this.#record, query: this.#layer } };
  }

  #finding(finding: string) {
    return { params: { path: { ...this.#record, finding }, query: this.#layer } };
  }
}
