import type { RecordSummary, SettingsModel, Side } from "../api/types";
import type { ClassGroup } from "../lib/matrix";
import { formatRanges, parseRanges } from "../lib/ranges";
import type { Cell, PairSelection, Point } from "./selection";
import { CONTEXT, firstView, ORDERS, type ContextWindow, type Order, type ViewState } from "./view_state";

/**
 * The state of the views as the query of an address, and back. Only what differs from a record's first view is
 * written. What an address says and the record does not have is left out, so that old links still open.
 */

export function toQuery(record: string, state: ViewState, summary: RecordSummary): string {
  const first = firstView(summary);
  const query = new URLSearchParams({ record });
  const put = (name: string, text: string, defaultText: string): void => {
    if (text !== defaultText) query.set(name, text);
  };
  put("pairs", selectionText(state.pairs), selectionText(first.pairs));
  put("pair", `${state.pair}`, `${first.pair}`);
  put("neurons", formatRanges(state.neurons), `${first.focus}`);
  put("focus", `${state.focus}`, `${state.neurons[0] ?? first.focus}`);
  put("hidden", formatRanges(state.hidden), "");
  put("zoom", state.zoom ? state.zoom.map((place) => place.toFixed(1)).join("_") : "", "");
  put("clusters", `${state.clusters}`, `${first.clusters}`);
  put("context", contextText(state.context), "");
  for (const name of CHOICES) put(name, state[name], first[name]);
  for (const name of Object.keys(first.settings) as (keyof SettingsModel)[]) {
    put(name, settingText(state.settings[name]), settingText(first.settings[name]));
  }
  return query.toString();
}

export function fromQuery(text: string, summary: RecordSummary): ViewState {
  const query = new URLSearchParams(text);
  const state = firstView(summary);
  const read = <T>(name: string, parse: (value: string) => T | undefined, fallback: T): T =>
    parse(query.get(name) ?? "") ?? fallback;
  state.pairs = read("pairs", (value) => parseSelection(value, summary), state.pairs);
  state.pair = read("pair", below(summary.pairs), state.pair);
  const neurons = parseRanges(query.get("neurons") ?? "", summary.neurons);
  if (neurons.length) [state.neurons, state.focus] = [neurons, neurons[0] as number];
  const focus = read("focus", below(summary.neurons), state.focus);
  if (state.neurons.includes(focus)) state.focus = focus;
  state.hidden = parseRanges(query.get("hidden") ?? "", summary.classes.length);
  state.zoom = read("zoom", (value) => parseZoom(value, summary.neurons), state.zoom);
  const clusters = read("clusters", below(summary.neurons + 1), state.clusters);
  state.clusters = Math.max(1, clusters);
  state.context = read("context", parseContext, state.context);
  state.color = read("color", oneOf(["true", "predicted"]), state.color);
  state.order = read("order", oneOf(Object.keys(ORDERS) as Order[]), state.order);
  state.picture = read("picture", oneOf(["pair", "difference"]), state.picture);
  state.sort = read("sort", oneOf(["neuron", ...summary.measures]), state.sort);
  state.level = read("level", oneOf(["pair", "selection"]), state.level);
  state.combine = read("combine", oneOf(["union", "intersection"]), state.combine);
  state.settings = parseSettings(query, summary);
  return state;
}

const CHOICES = ["color", "order", "picture", "sort", "level", "combine"] as const;

function oneOf<T extends string>(allowed: readonly T[]): (text: string) => T | undefined {
  return (text) => allowed.find((one) => one === text);
}

function below(limit: number): (text: string) => number | undefined {
  return (text) => (/^\d+$/.test(text) && Number(text) < limit ? Number(text) : undefined);
}

export function selectionText(selection: PairSelection): string {
  if (selection.kind === "all") return "all";
  if (selection.kind === "cells") {
    return selection.cells.map((cell) => `${cell.benign ?? "*"}-${cell.adversarial ?? "*"}`).join("_");
  }
  const points = selection.polygon.map(({ x, y }) => `${x.toFixed(2)}.${y.toFixed(2)}`.replaceAll(".", "*"));
  return [selection.side, ...points].join("_");
}

function parseSelection(text: string, summary: RecordSummary): PairSelection | undefined {
  if (text === "all") return { kind: "all" };
  const [head, ...parts] = text.split("_");
  if (head === "benign" || head === "adversarial") return parseLasso(head, parts);
  const cells = text.split("_").flatMap((part): Cell[] => {
    const [benign, adversarial, ...rest] = part.split("-").map((label) => parseGroup(label, summary));
    return benign === undefined || adversarial === undefined || rest.length ? [] : [{ benign, adversarial }];
  });
  return cells.length ? { kind: "cells", cells } : undefined;
}

/** A class that occurs, the other classes, or null for any class. */
function parseGroup(text: string, summary: RecordSummary): ClassGroup | null | undefined {
  if (text === "*") return null;
  if (text === "other") return text;
  return /^\d+$/.test(text) && summary.used_classes.includes(Number(text)) ? Number(text) : undefined;
}

function parseLasso(side: Side, parts: readonly string[]): PairSelection | undefined {
  const polygon = parts.map((part): Point => {
    const [x, xFraction, y, yFraction] = part.split("*");
    return { x: Number(`${x}.${xFraction}`), y: Number(`${y}.${yFraction}`) };
  });
  const readable = polygon.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  return readable && polygon.length > 2 ? { kind: "lasso", side, polygon } : undefined;
}

function parseZoom(text: string, neurons: number): readonly [number, number] | undefined {
  const [low, high] = text.split("_").map(Number);
  if (low === undefined || high === undefined || !(low >= 0 && low < high && high <= neurons))
    return undefined;
  return [low, high];
}

function contextText(context: ContextWindow | null): string {
  return context ? [context.side, context.order, context.scope, context.count].join(".") : "";
}

function parseContext(text: string): ContextWindow | undefined {
  const [side, order, scope, count] = text.split(".");
  if (side !== "benign" && side !== "adversarial") return undefined;
  return {
    side,
    order: oneOf(["activation", "confidence"])(order ?? "") ?? CONTEXT.order,
    scope: oneOf(["same_labels", "same_benign_label", "all"])(scope ?? "") ?? CONTEXT.scope,
    count: Math.min(48, Math.max(1, below(1000)(count ?? "") ?? CONTEXT.count)),
  };
}

function settingText(value: SettingsModel[keyof SettingsModel]): string {
  return value === null || value === undefined ? "" : `${value}`;
}

type Parse = (text: string) => unknown;

const finite: Parse = (text) => (text !== "" && Number.isFinite(Number(text)) ? Number(text) : undefined);

function between(low: number, high: number, step?: number): Parse {
  return (text) => {
    const value = finite(text) as number | undefined;
    const fits = value !== undefined && value >= low && value <= high && (!step || value % step === 0);
    return fits ? value : undefined;
  };
}

/** What an address may say of each setting; an empty text stands for the default that the server chooses. */
function settingParsers({ image }: RecordSummary): Record<keyof SettingsModel, Parse> {
  const side = Math.max(image.height, image.width);
  return {
    weights: oneOf(["own", "benign", "adversarial", "margin"]),
    band: oneOf(["mean", "quantile"]),
    confidence: between(0.001, 0.999),
    band_images: oneOf(["benign", "adversarial"]),
    threshold_mode: oneOf(["absolute", "quantile", "relative"]),
    threshold_level: finite,
    top: between(0.01, 100),
    iou_side: oneOf(["benign", "adversarial"]),
    patch: between(2, 2 * side, 2),
    stride: between(1, side, 1),
    distance: oneOf(["receptive_field", "iou", "feature_map"]),
    linkage: oneOf(["ward", "average", "complete", "single"]),
  };
}

function parseSettings(query: URLSearchParams, summary: RecordSummary): SettingsModel {
  const { defaults } = summary;
  const parsers = Object.entries(settingParsers(summary)) as [keyof SettingsModel, Parse][];
  const entries = parsers.map(([name, parse]) => {
    const text = query.get(name);
    const mayBeEmpty = name === "threshold_level" || name === "patch" || name === "linkage";
    return [name, text === "" && mayBeEmpty ? null : (parse(text ?? "") ?? defaults[name])];
  });
  const settings = Object.fromEntries(entries) as SettingsModel;
  const level = settings.threshold_level ?? 0;
  const isPart = level >= 0 && level <= 1;
  return settings.threshold_mode === "absolute" || isPart ? settings : { ...settings, threshold_level: null };
}
