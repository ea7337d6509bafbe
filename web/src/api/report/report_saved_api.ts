import type { SavedSource } from "../saved_api";
import type { SavedModel } from "../types";
import { NotInReport, type Report } from "./report";

/** The findings and groups of a report, which cannot be changed. */
export class ReportSavedApi implements SavedSource {
  constructor(private readonly report: Report) {}

  async all(): Promise<SavedModel> {
    return (await this.report.record).json<SavedModel>("saved");
  }

  readonly draft = refuse;
  readonly markdown = refuse;
  readonly add = refuse;
  readonly rename = refuse;
  readonly setNote = refuse;
  readonly move = refuse;
  readonly remove = refuse;
  readonly restore = refuse;
  readonly addGroup = refuse;
  readonly renameGroup = refuse;
  readonly removeGroup = refuse;
}

function refuse(): Promise<never> {
  return Promise.reject(new NotInReport("changes of findings, and their text"));
}
