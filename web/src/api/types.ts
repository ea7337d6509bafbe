import type { components } from "./schema";

/** The types of the server's responses and settings, by short names. */
type Schemas = components["schemas"];

export type RecordEntry = Schemas["RecordListing"];
export type RecordSummary = Schemas["RecordSummary"];
export type AttackModel = Schemas["AttackModel"];
export type CountsModel = Schemas["CountsModel"];
export type MeasureModel = Schemas["MeasureModel"];
export type NetworkModel = Schemas["NetworkModel"];
export type PairModel = Schemas["PairModel"];
export type Settings = Schemas["SettingsModel"];
export type CurveSettings = Settings["curves"];
export type FieldSettings = Settings["fields"];
export type VulnerabilityMapSettings = Settings["vmaps"];
export type ClusterSettings = Settings["clusters"];
export type Setting = Schemas["SettingModel"];
export type Choice = Schemas["ChoiceModel"];
export type MapsModel = Schemas["MapState"];
export type StoredMapsModel = Schemas["StoredMaps"];
export type JobModel = Schemas["JobModel"];
export type StageModel = Schemas["StageModel"];
export type ContextModel = Schemas["ContextModel"];
export type MeansProgress = Schemas["MeansProgress"];
export type NearestModel = Schemas["NearestModel"];
export type NearestRequest = Schemas["NearestRequest"];
export type ContextRequest = Schemas["ContextRequest"];
export type OverlapModel = Schemas["OverlapModel"];
export type SavedModel = Schemas["SavedModel"];
export type FindingModel = Schemas["FindingModel"];
export type NewFinding = Schemas["NewFinding"];
export type GroupModel = Schemas["GroupModel"];
export type SubstitutionsModel = Schemas["SubstitutionsModel"];

type FigureArguments = Schemas["FigureBody"]["figure"];
/** A figure: the name of a function that draws it, and arguments; those that are left out have their defaults. */
export type Figure = {
  [Name in FigureArguments["figure"]]: Partial<Extract<FigureArguments, { figure: Name }>> & { figure: Name };
}[FigureArguments["figure"]];
export type FigureFormat = "svg" | "pdf" | "png";

/** One of the two images of a pair. */
export type Side = VulnerabilityMapSettings["iou_side"];
