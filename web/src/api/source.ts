/** Where the page gets its records from: a server, or the report that the page is. */

import * as server from "./record_api";
import { Report } from "./report/report";
import { ReportApi } from "./report/report_api";
import { ReportSavedApi } from "./report/report_saved_api";
import { SavedApi, type SavedSource } from "./saved_api";
import type { RecordEntry, RecordSummary } from "./types";

const report = Report.ofPage();

/** Whether the page is a report, which has one record and no server. */
export const isReport = report !== undefined;

export async function listRecords(): Promise<RecordEntry[]> {
  if (!report) return server.listRecords();
  const { id, pairs, neurons, classes } = await summaryOf(report);
  return [{ id, available: true, message: null, progress: null, pairs, neurons, classes: classes.length }];
}

/** @param layer - the target layer; the last one by default */
export async function summarize(record: string, layer?: string): Promise<RecordSummary> {
  return report ? summaryOf(report) : server.summarize(record, layer);
}

/** @param gone - called when part of the record cannot be read, with a function that tries again */
export function openRecord(
  summary: RecordSummary,
  gone: (message: string, retry: () => Promise<boolean>) => void,
): server.RecordSource {
  return report ? new ReportApi(report, summary) : new server.RecordApi(summary, gone);
}

/** The findings and groups of a record. */
export function openSaved(summary: RecordSummary): SavedSource {
  return report ? new ReportSavedApi(report) : new SavedApi(summary);
}

async function summaryOf(report: Report): Promise<RecordSummary> {
  return (await report.record).json<RecordSummary>("summary");
}
