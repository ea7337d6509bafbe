/** The measures that neurons are sorted by, in words. */

export interface Measure {
  /** Column of the table of neurons; "neuron" for its number. */
  readonly name: string;
  readonly label: string;
  readonly group: "Vulnerability" | "Substituting the neuron" | "Overlap with a vulnerability map" | "Value";
  /** What stands at the left and at the right end when neurons are sorted by it. */
  readonly ends: readonly [string, string];
  /** Whether its sign says what the attack does: below 0 inhibited, above 0 excited. */
  readonly signed: boolean;
}

const MEASURES: readonly Measure[] = [
  measure("neuron", "neuron number", "Value", ["first neuron", "last neuron"]),
  measure("band_gap", "band gap", "Vulnerability", ["most inhibited", "most excited"], true),
  measure("curve_gap", "curve gap", "Vulnerability", ["most inhibited", "most excited"], true),
  measure("substitution_benign_drop", "benign drop", "Substituting the neuron", ends("benign drop")),
  measure(
    "substitution_adversarial_gain",
    "adversarial gain",
    "Substituting the neuron",
    ends("adversarial gain"),
  ),
  measure("iou_benign_drop", "IoU with benign drop", "Overlap with a vulnerability map", ends("IoU")),
  measure(
    "iou_adversarial_gain",
    "IoU with adversarial gain",
    "Overlap with a vulnerability map",
    ends("IoU"),
  ),
  measure("contribution_benign", "contribution, benign", "Value", ends("contribution")),
  measure("contribution_adversarial", "contribution, adversarial", "Value", ends("contribution")),
  measure("activation_benign", "activation, benign", "Value", ends("activation")),
  measure("activation_adversarial", "activation, adversarial", "Value", ends("activation")),
];

function ends(what: string): [string, string] {
  return [`largest ${what}`, `smallest ${what}`];
}

function measure(
  name: string,
  label: string,
  group: Measure["group"],
  ends: readonly [string, string],
  signed = false,
): Measure {
  return { name, label, group, ends, signed };
}

/** Measures that a record has, in groups, in the order of the menu. */
export function measureGroups(
  available: readonly string[],
): readonly { label: string; measures: Measure[] }[] {
  const known = MEASURES.filter(({ name }) => name === "neuron" || available.includes(name));
  const groups = [
    "Vulnerability",
    "Substituting the neuron",
    "Overlap with a vulnerability map",
    "Value",
  ] as const;
  return groups
    .map((label) => ({ label, measures: known.filter(({ group }) => group === label) }))
    .filter(({ measures }) => measures.length > 0);
}

/** A measure by its name; one that is not known has its column's name for a label. */
export function measureOf(name: string): Measure {
  return (
    MEASURES.find((one) => one.name === name) ??
    measure(name, name.replaceAll("_", " "), "Value", ends("value"))
  );
}

const MEANINGS: Readonly<Record<string, string>> = {
  neuron: "In the order of the layer",
  band_gap:
    "Gap between the two classes' contribution bands: the attack inhibits neurons below 0 and excites those above",
  curve_gap: "Contribution on the adversarial image minus that on the benign image",
  substitution_benign_drop:
    "How much less likely the benign label is once this neuron alone has its adversarial value",
  substitution_adversarial_gain:
    "How much likelier the adversarial label is once this neuron alone has its adversarial value",
  iou_benign_drop: "Whether the neuron looks where the attack lowers the benign label's probability",
  iou_adversarial_gain:
    "Whether the neuron looks where the attack raises the adversarial label's probability",
  contribution_benign: "What the neuron adds to the logit, on the benign image",
  contribution_adversarial: "What the neuron adds to the logit, on the adversarial image",
  activation_benign: "How strongly the neuron responds to the benign image",
  activation_adversarial: "How strongly the neuron responds to the adversarial image",
};

/** What a measure says of a neuron, in a sentence; empty for one that is not known. */
export function meaningOf(name: string): string {
  return MEANINGS[name] ?? "";
}
