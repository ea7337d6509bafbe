/** A record's facts in words, for the header and the dialog about the record. */

import { format } from "d3-format";
import type { AttackModel, CountsModel, RecordEntry } from "../api/types";
import { count } from "../lib/format";

const shortPercent = format(".3~p");

const NORMS: Readonly<Record<string, string>> = { linf: "L∞", l2: "L2", l1: "L1" };

/** An attack, such as "PGD, 7 steps, ε 8/255, L∞". */
export function attackText({ label, eps_text, norm, parameters }: Omit<AttackModel, "name">): string {
  const steps = parameters["steps"];
  const parts = [
    label,
    steps && `${steps} ${steps === "1" ? "step" : "steps"}`,
    eps_text && `ε ${eps_text}`,
    norm && (NORMS[norm.toLowerCase()] ?? norm),
  ];
  return parts.filter(Boolean).join(", ");
}

/** An attack in the header's sentence, such as "PGD, 7 steps of ε 8/255"; the norm is in the dialog about the record. */
export function attackPhrase({ label, eps_text, parameters }: Omit<AttackModel, "name" | "norm">): string {
  const steps = parameters["steps"];
  const budget = eps_text && `ε ${eps_text}`;
  if (!steps) return [label, budget].filter(Boolean).join(", ");
  return `${label}, ${[`${steps} ${steps === "1" ? "step" : "steps"}`, budget].filter(Boolean).join(" of ")}`;
}

/** The outcome of a run in the header's sentence; the first part is the one that matters. */
export function outcomePhrase({ right, attacked, succeeded }: CountsModel): readonly [string, string] {
  const images = (count: number): string => (count === 1 ? "image is" : "images are");
  if (succeeded === attacked && attacked === right) {
    return [`all ${count(right)}`, `correctly classified ${images(right)} fooled`];
  }
  return [`${count(succeeded)} of ${count(attacked)}`, `attacked ${images(attacked)} fooled`];
}

/** What keeps a record from being opened, or is going to replace it; an empty text for other records. */
export function availabilityText({ available, progress }: RecordEntry): string {
  if (progress) return available ? `being replaced, ${progress.text}` : progress.text;
  return available ? "" : "cannot be opened";
}

/** A model's short name: "net" of "/home/me/net.py:trained?width=2", and "resnet18" of "torchvision:resnet18". */
export function modelName(spec: string): string {
  const target = spec.replace(/\?.*$/, "");
  return /([^/\\]+)\.py(:|$)/.exec(target)?.[1] ?? /[^/\\:]+$/.exec(target)?.[0] ?? spec;
}

/** A rate as a percentage, or a dash if unknown. */
export function rate(value: number | null): string {
  return value === null ? "–" : shortPercent(value);
}

/** The outcome of a run's images, in one sentence. */
export function runText({ images, right, attacked, succeeded }: CountsModel, pairs: number): string {
  return (
    `Of ${count(images)} images, ${count(right)} are predicted correctly. ${count(attacked)} of these were attacked, ` +
    `${count(succeeded)} successfully; ${count(pairs)} pairs are shown.`
  );
}

/** Facts grouped by a first word that several of them share; the others come first, without a heading. */
export function groupedFacts(
  facts: Readonly<Record<string, string>>,
): readonly { heading: string; facts: readonly (readonly [string, string])[] }[] {
  const groups = new Map<string, [string, string][]>([["", []]]);
  const entries = Object.entries(facts);
  for (const [name, value] of entries) {
    const [first = "", ...rest] = name.split(" ");
    const shared = rest.length > 0 && entries.filter(([other]) => other.startsWith(`${first} `)).length > 2;
    const heading = shared ? first : "";
    groups.set(heading, [...(groups.get(heading) ?? []), [shared ? rest.join(" ") : name, value]]);
  }
  return [...groups].map(([heading, facts]) => ({ heading, facts })).filter(({ facts }) => facts.length);
}
