import type {
  Choice,
  ClusterSettings,
  CurveSettings,
  FieldSettings,
  RecordSummary,
  Setting,
  Settings,
  VulnerabilityMapSettings,
} from "../api/types";
import type { MapComputation, NeuronSettings } from "../api/record_api";
import type { Slice } from "./slice";

/** The settings of the analysis: each is a parameter of the address, under the server's name for it. */
export interface SettingsState {
  readonly settings: Settings;
}

/** Settings by name, whatever their group. */
export type SettingValues = CurveSettings & FieldSettings & VulnerabilityMapSettings & ClusterSettings;
type Value = string | number | null;
type Group = Record<string, Value>;

/** A setting with its current value. */
export interface SettingInfo {
  readonly setting: Setting;
  /** The value; if it is null, the value that null stands for. */
  readonly value: Value;
  /** The value that null stands for. */
  readonly implied: Value;
  /** The choice with this value, if there is one. */
  readonly choice: Choice | undefined;
  /** The only values that there are numbers for, in a report; undefined on a server. */
  readonly offered: readonly Value[] | undefined;
}

/** A setting with its current value. */
export function settingInfo(summary: RecordSummary, settings: Settings, name: string): SettingInfo {
  const [group, declared, setting] = declarationOf(summary, name);
  const values = groupOf(settings, group);
  const implied = impliedBy(declared, values, name) ?? setting.implied;
  const value = values[name] ?? implied;
  const choice = setting.choices.find((one) => one.value === value);
  return { setting, value, implied, choice, offered: summary.report?.values[name] };
}

/** Settings after a change. Those that a withChanges choice implies are null again. */
export function withChanges(
  summary: RecordSummary,
  settings: Settings,
  change: Partial<SettingValues>,
): Settings {
  const next: Record<string, Group> = {};
  for (const [name, value] of Object.entries(change) as [string, Value][]) {
    const [group, , setting] = declarationOf(summary, name);
    const reset = setting.choices
      .flatMap(({ implies }) => Object.keys(implies))
      .map((other) => [other, null]);
    const before = next[group] ?? groupOf(settings, group);
    next[group] = { ...before, ...(Object.fromEntries(reset) as Group), [name]: value };
  }
  return { ...settings, ...next };
}

/** The groups that the numbers of all neurons depend on. */
export function neuronSettings({ curves, fields, vmaps }: Settings): NeuronSettings {
  return { curves, fields, vmaps };
}

const COMPARISON: readonly string[] = ["top", "iou_side"] satisfies (keyof VulnerabilityMapSettings)[];

/** The settings that vulnerability maps are computed with, without those of the comparison with receptive fields. */
export function mapComputation(vmaps: VulnerabilityMapSettings): MapComputation {
  const computed = Object.entries(vmaps).filter(([name]) => !COMPARISON.includes(name));
  return Object.fromEntries(computed) as unknown as MapComputation;
}

/** The settings of a record in the address. */
export function settingsSlice(summary: RecordSummary): Slice<SettingsState> {
  const { defaults } = summary;
  const groups = Object.entries(summary.settings);
  return {
    names: groups.flatMap(([, declared]) => declared.map(({ name }) => name)),
    initial: () => ({ settings: defaults }),
    parse: (query) => {
      const parsed = groups.map(([group, declared]): [string, Group] => {
        const values = { ...groupOf(defaults, group) };
        for (const setting of declared) {
          const text = query.get(setting.name);
          const value = text === null ? undefined : parse(setting, text);
          const offered = summary.report?.values[setting.name];
          if (value !== undefined && (offered?.includes(value) ?? true))
            values[setting.name] = isWithin(declared, values, setting.name, value) ? value : null;
        }
        return [group, values];
      });
      return { settings: { ...defaults, ...(Object.fromEntries(parsed) as Partial<Settings>) } };
    },
    format: ({ settings }) =>
      groups.flatMap(([group, declared]) =>
        declared.flatMap(({ name }): [string, string][] => {
          const [value, initial] = [groupOf(settings, group)[name], groupOf(defaults, group)[name]];
          return value === initial ? [] : [[name, `${value ?? ""}`]];
        }),
      ),
  };
}

/** The value of a text; undefined if it is invalid. An empty text stands for null. */
function parse(setting: Setting, text: string): Value | undefined {
  if (text === "") return setting.null === null ? undefined : null;
  if (setting.kind === "choice") return setting.choices.find(({ value }) => value === text)?.value;
  const value = Number(text);
  const { at_least, above, at_most, below, multiple_of: step } = setting;
  const fits =
    Number.isFinite(value) &&
    value >= (at_least ?? -Infinity) &&
    value > (above ?? -Infinity) &&
    value <= (at_most ?? Infinity) &&
    value < (below ?? Infinity) &&
    (step === null || value % step === 0);
  return fits ? value : undefined;
}

function groupOf(settings: Settings, group: string): Group {
  return settings[group as keyof Settings] as Group;
}

function declarationOf(
  summary: RecordSummary,
  name: string,
): [group: string, declared: Setting[], setting: Setting] {
  for (const [group, declared] of Object.entries(summary.settings)) {
    const setting = declared.find((one) => one.name === name);
    if (setting) return [group, declared, setting];
  }
  throw new Error(`the server declares no setting ${name}`);
}

/** The selected choices of a group. */
function selectedChoices(declared: readonly Setting[], values: Group): Choice[] {
  return declared
    .filter(({ kind }) => kind === "choice")
    .flatMap(({ name, choices }) => choices.find(({ value }) => value === values[name]) ?? []);
}

function impliedBy(declared: readonly Setting[], values: Group, name: string): Value | undefined {
  return selectedChoices(declared, values).find(({ implies }) => name in implies)?.implies[name];
}

function isWithin(declared: readonly Setting[], values: Group, name: string, value: Value): boolean {
  if (typeof value !== "number") return true;
  return selectedChoices(declared, values).every(({ limits }) => {
    const [low = -Infinity, high = Infinity] = limits[name] ?? [];
    return value >= low && value <= high;
  });
}
